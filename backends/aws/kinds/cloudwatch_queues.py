"""CloudWatch: how long the oldest message of a queue has waited, which SQS itself does not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_QUEUE = {"QueueName": "after(QueueUrl, '/')"}
_WAITED = Asked(
    (Metric("age", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", _QUEUE),),
    period=300,
    days=3,
)


def _waited(queue: Json, readings: Readings) -> Json:
    at, age = readings.last("age")
    return queue | {"At": at, "Age": age, "Most": readings.most("age")}


QUEUE_AGE = Kind(
    name="cloudwatch.queue_age",
    title="Age of messages",
    service="cloudwatch",
    summary=True,
    calls=(
        Call("ListQueues", "QueueUrls[].{QueueUrl: @}", service="sqs", page=("MaxResults", 1000), free=True),
        _WAITED.summed(_waited),
    ),
    key=("name",),
    columns=(
        Column("name", "after(QueueUrl, '/')", help="The queue's name.", title="queue", narrow=True),
        figure("oldest", "Age", "How long the oldest message had waited; empty: not known.", "s", narrow=True),
        figure("most", "Most", "The longest that a message waited in the last three days.", "s", narrow=True),
        Column("at", "At", "time", help="The five minutes that it is told of.", volatile=True),
        Column("url", "QueueUrl", help="The queue's URL."),
    ),
    cadence=900,
    relations=(Relation("url", "sqs.queue", "url"),),
    health=(
        Rule(Health.UNKNOWN, "oldest=", "CloudWatch tells nothing of it: a queue that nobody has used for hours"),
        Rule(Health.WARN, "oldest>0 name~dlq", "messages were given up and wait to be looked at"),
        Rule(Health.WARN, "oldest>0 name~dead-letter", "messages were given up and wait to be looked at"),
        Rule(Health.BAD, "oldest>=86400", "a message has waited for a day or more"),
        Rule(Health.WARN, "oldest>=3600", "a message has waited for an hour or more"),
    ),
    paid=_WAITED.price,
    arn="arn:{partition}:sqs:{region}:{account}:{name}",
    sort="-oldest",
    help="How long messages wait in SQS queues, from GetMetricData: 0.01 USD for a thousand metrics, one a queue.",
)
