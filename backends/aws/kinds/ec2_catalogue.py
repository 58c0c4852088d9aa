"""EC2's own catalogue: what an instance type is, and in which zones it is to be had."""

from __future__ import annotations

from backends.model import Call, Column, Kind, Relation

INSTANCE_TYPE = Kind(
    name="ec2.instance_type",
    title="Instance types",
    service="ec2",
    calls=(Call("DescribeInstanceTypes", "InstanceTypes", page=("MaxResults", 100)),),
    key=("instance_type",),
    columns=(
        Column("instance_type", "InstanceType", help="The type's name.", title="type", narrow=True),
        Column("vcpus", "VCpuInfo.DefaultVCpus", "integer", help="Its vCPUs.", narrow=True),
        Column("memory", "MemoryInfo.SizeInMiB", "integer", help="Its memory.", unit="MiB", narrow=True),
        Column(
            "architectures",
            "ProcessorInfo.SupportedArchitectures",
            "list",
            help="What it runs: x86_64, arm64, i386 or a Mac's.",
            narrow=True,
        ),
        Column("gpus", "sum(GpuInfo.Gpus[].Count || `[0]`)", "integer", help="Its GPUs; 0 for none.", narrow=True),
        Column("gpu", "GpuInfo.Gpus[0].Name", help="The GPU's name."),
        Column("gpu_memory", "GpuInfo.TotalGpuMemoryInMiB", "integer", help="Memory of all its GPUs.", unit="MiB"),
        Column(
            "current_generation",
            "CurrentGeneration",
            "boolean",
            help="Whether AWS counts it to the current generation.",
            title="current",
            narrow=True,
        ),
        Column("network", "NetworkInfo.NetworkPerformance", help="Its network bandwidth in AWS's words."),
        Column(
            "network_baseline",
            "sum(NetworkInfo.NetworkCards[].BaselineBandwidthInGbps)",
            "number",
            help="The bandwidth that it can keep up.",
            unit="Gbit/s",
        ),
        Column("storage", "InstanceStorageInfo.TotalSizeInGB", "integer", help="Its local disks.", unit="GB"),
        Column("burstable", "BurstablePerformanceSupported", "boolean", help="Whether it lives on CPU credits."),
        Column("bare_metal", "BareMetal", "boolean", help="Whether it is a whole machine."),
        Column("hypervisor", "Hypervisor", help="nitro or xen; empty for bare metal."),
        Column("bought_as", "SupportedUsageClasses", "list", help="on-demand, spot or capacity-block."),
        Column("processor", "ProcessorInfo.Manufacturer", help="Who makes the processor."),
        Column(
            "clock", "ProcessorInfo.SustainedClockSpeedInGhz", "number", help="The sustained clock speed.", unit="GHz"
        ),
    ),
    cadence=21_600,
    relations=(
        Relation("instance_type", "ec2.instance", "instance_type"),
        Relation("instance_type", "ec2.offering", "instance_type"),
        Relation("instance_type", "spot.price", "instance_type"),
    ),
    sort="instance_type",
    help="What every instance type of a region is, from DescribeInstanceTypes.",
)

OFFERING = Kind(
    name="ec2.offering",
    title="Instance type offerings",
    service="ec2",
    calls=(
        Call(
            "DescribeInstanceTypeOfferings",
            "InstanceTypeOfferings",
            parameters={"LocationType": "availability-zone-id"},
            page=("MaxResults", 1000),
        ),
    ),
    # The zone's id, because its name stands for another zone in another account.
    key=("instance_type", "zone_id"),
    columns=(
        Column("instance_type", "InstanceType", help="The instance type.", title="type", narrow=True),
        Column("zone_id", "Location", help="A zone where it is to be had, by the shared id.", narrow=True),
        Column("place", "LocationType", help="What kind of place that is.", narrow=True),
    ),
    cadence=21_600,
    relations=(Relation("instance_type", "ec2.instance_type", "instance_type"),),
    sort="instance_type",
    help="In which zones an instance type is to be had, from DescribeInstanceTypeOfferings. "
    "Offered does not mean that there is capacity.",
)
