"""The context says whose AWS is meant, from the environment and the configuration file, before anybody asks AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.context import (
    ContextError,
    base_home,
    gather,
    normal_endpoint,
    partition_of,
    private_directory,
    socket_path,
    store_home,
    store_id,
)

CONFIG = """
[default]
region = eu-west-1
[profile "staging one"]
region=cn-north-1   ; in China
s3 =
    endpoint_url = http://never
[profile local]
endpoint_url = HTTP://LocalHost:4566/
region = us-gov-west-1
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "config"
    file.write_text(CONFIG, encoding="utf-8")
    return {"AWS_CONFIG_FILE": str(file), "HOME": str(tmp_path), "PATH": "/bin", "EDITOR": "vi"}


def test_the_default_profile_gives_the_region(environment: dict[str, str]) -> None:
    context = gather(environment)
    assert (context.profiles, context.region, context.endpoint, context.partition) == ((), "eu-west-1", "", "aws")


def test_a_named_profile_gives_region_partition_and_endpoint(environment: dict[str, str]) -> None:
    context = gather(environment | {"AWS_PROFILE": "local"})
    assert (context.profiles, context.region, context.partition) == (("local",), "us-gov-west-1", "aws-us-gov")
    assert context.endpoint == "http://localhost:4566"
    other = gather(environment | {"AWS_PROFILE": "staging one"})
    assert (other.region, other.partition, other.endpoint) == ("cn-north-1", "aws-cn", "")


def test_the_environment_wins_over_the_file_and_arguments_over_both(environment: dict[str, str]) -> None:
    said = environment | {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ENDPOINT_URL": "http://a:1",
    }
    assert (gather(said).region, gather(said).endpoint) == ("us-east-1", "http://a:1")
    given = gather(said, profiles=["x", "y", "x"], region="sa-east-1", endpoint="http://b:2/")
    assert (given.profiles, given.region, given.endpoint) == (("x", "y"), "sa-east-1", "http://b:2")
    assert gather(said | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}).endpoint == ""


def test_only_what_the_credential_chain_reads_is_carried(environment: dict[str, str]) -> None:
    carried = gather(environment | {"AWS_SECRET_ACCESS_KEY": "s", "HTTPS_PROXY": "p", "GITHUB_TOKEN": "t"}).environment
    assert set(carried) == {"AWS_CONFIG_FILE", "AWS_SECRET_ACCESS_KEY", "HOME", "HTTPS_PROXY", "PATH"}


def test_an_unreadable_configuration_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContextError, match=r"AWS configuration .*config cannot be read"):
        gather({"AWS_CONFIG_FILE": str(file)})


@pytest.mark.parametrize("url", ["ftp://x", "localhost:4566", "http://", "http://h:99999", "http://me:pw@h"])
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ContextError, match="AWS_ENDPOINT_URL"):
        normal_endpoint(url)


def test_one_endpoint_has_one_store_and_real_aws_one_for_each_partition() -> None:
    assert store_id("aws-cn", "") == "aws-cn"
    assert store_id("aws", "HTTP://H:80/") == store_id("aws", "http://h")
    assert store_id("aws", "http://h:1") != store_id("aws", "http://h:2")
    assert partition_of("us-east-1") == "aws"


def test_the_store_lies_where_the_shell_says(tmp_path: Path) -> None:
    context = gather({})
    assert store_home(context, {"QUARTERDECK_HOME": str(tmp_path)}) == tmp_path / "aws"
    assert base_home({"HOME": str(tmp_path)}) == tmp_path / ".local/share/quarterdeck"
    assert base_home({"HOME": str(tmp_path), "XDG_DATA_HOME": "/x"}) == Path("/x/quarterdeck")
    assert base_home({}) == Path(f"/tmp/quarterdeck-{os.getuid()}/data")


def test_the_socket_path_is_short_and_private_however_long_the_home(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 200)
    runtime = tmp_path / ("r" * 100)
    runtime.mkdir()
    path = socket_path(deep, {"XDG_RUNTIME_DIR": str(runtime)})
    assert len(os.fsencode(path)) < 100
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert socket_path(deep, {}) != socket_path(tmp_path, {})


def test_a_directory_that_is_a_link_or_open_to_others_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert private_directory(tmp_path / "open").stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "open")
    with pytest.raises(ContextError, match="not a directory of user"):
        private_directory(tmp_path / "link")


def test_a_pane_that_imports_the_client_pays_for_nothing_heavy() -> None:
    code = (
        "import asyncio, sys; before = set(sys.modules); import backends.client; "
        "print(*sorted(set(sys.modules) - before))"
    )
    added = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("http", "email", "ssl", "boto", "aio", "duckdb", "polars", "numpy", "pyarrow", "fastapi", "uvicorn")
    assert [name for name in added if name.startswith(heavy)] == []
    assert len(added) < 40
