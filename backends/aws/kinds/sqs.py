"""SQS: queues, how much waits in them, and where what cannot be handled goes."""

from __future__ import annotations

from functools import partial

from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_DEAD_LETTERS = "parsed(Attributes.RedrivePolicy)"


def _count(name: str) -> str:
    return f"Attributes.ApproximateNumberOfMessages{name}"


_TRAFFIC = partial(Watched, "AWS/SQS", statistic="Sum", dimensions={"QueueName": "after(QueueUrl, '/')"})
_WATCHED = (
    _TRAFFIC(
        name="ApproximateNumberOfMessagesVisible",
        statistic="Maximum",
        title="waiting",
        help="Messages that waited, roughly.",
    ),
    _TRAFFIC(
        name="ApproximateAgeOfOldestMessage",
        statistic="Maximum",
        title="oldest",
        help="How long the oldest message had waited.",
        unit="s",
        warn=">=3600",
        bad=">=86400",
    ),
    _TRAFFIC(name="NumberOfMessagesSent", title="sent", help="Messages that came in the period."),
    _TRAFFIC(name="NumberOfMessagesReceived", title="received", help="Messages that were taken in the period."),
)

QUEUE = Kind(
    name="sqs.queue",
    title="SQS queues",
    service="sqs",
    calls=(
        Call("ListQueues", "QueueUrls", page=("MaxResults", 1000)),
        Call(
            "GetQueueAttributes",
            "@",
            parameters={"AttributeNames": ["All"]},
            arguments={"QueueUrl": "value"},
            keep={"QueueUrl": "value"},
        ),
    ),
    key=("name",),
    columns=(
        Column("name", "after(QueueUrl, '/')", help="The queue's name.", title="queue", narrow=True),
        Column("messages", _count(""), "integer", help="Messages that wait, roughly.", volatile=True, narrow=True),
        Column(
            "in_flight",
            _count("NotVisible"),
            "integer",
            help="Messages being handled, roughly.",
            volatile=True,
            narrow=True,
        ),
        Column("delayed", _count("Delayed"), "integer", help="Messages not yet to be seen, roughly.", volatile=True),
        Column(
            "dead_letters_to",
            f"after({_DEAD_LETTERS}.deadLetterTargetArn, ':')",
            help="The queue that gets what could not be handled.",
            title="dead letters to",
            narrow=True,
        ),
        Column(
            "max_receives", f"{_DEAD_LETTERS}.maxReceiveCount", "integer", help="How often it is tried before that."
        ),
        Column("retention", "Attributes.MessageRetentionPeriod", "integer", help="How long a message waits.", unit="s"),
        Column(
            "visibility_timeout",
            "Attributes.VisibilityTimeout",
            "integer",
            help="How long a receiver has before others see the message again.",
            unit="s",
        ),
        Column("delay", "Attributes.DelaySeconds", "integer", help="How long a new message is held back.", unit="s"),
        Column(
            "wait", "Attributes.ReceiveMessageWaitTimeSeconds", "integer", help="How long receivers wait.", unit="s"
        ),
        Column("largest", "Attributes.MaximumMessageSize", "integer", help="The largest message.", unit="B"),
        Column("fifo", "Attributes.FifoQueue == 'true'", "boolean", help="Whether order is kept."),
        Column(
            "encrypted",
            "Attributes.KmsMasterKeyId != `null` || Attributes.SqsManagedSseEnabled == 'true'",
            "boolean",
            help="Whether messages are encrypted at rest.",
        ),
        Column("kms_key", "Attributes.KmsMasterKeyId", help="The KMS key that encrypts them."),
        Column(
            "allowed",
            "principals(parsed(Attributes.Policy))",
            "list",
            help="Whom its policy allows something; * is everybody.",
        ),
        Column("created", "Attributes.CreatedTimestamp", "time", help="When it was created."),
        Column("modified", "Attributes.LastModifiedTimestamp", "time", help="When it was last changed."),
        Column("url", "QueueUrl", help="Its URL."),
        Column("arn", "Attributes.QueueArn", help="Its ARN."),
    ),
    cadence=600,
    relations=(
        Relation("url", "cloudwatch.queue_age", "url"),
        Relation("dead_letters_to", "sqs.queue", "name"),
        Relation("arn", "lambda.function", "dead_letters"),
    ),
    health=(
        Rule(Health.BAD, "messages>0 name~dlq", "messages were given up"),
        Rule(Health.BAD, "messages>0 name~dead-letter", "messages were given up"),
        Rule(Health.BAD, "messages>=10000", "more than 10,000 messages wait"),
        Rule(Health.WARN, "messages>=1000", "more than 1,000 messages wait"),
        Rule(Health.WARN, "in_flight>=100000", "near the most messages that may be in flight"),
    ),
    arn="{arn}",
    sort="name",
    help="Queues, from ListQueues and GetQueueAttributes, one request a queue. How long messages wait, "
    "cloudwatch.queue_age tells.",
    watched=_WATCHED,
)
