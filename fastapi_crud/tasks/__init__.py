"""Jobs that run once what asked for them is stored; needs no broker."""

from fastapi_crud.tasks.exceptions import Permanent as Permanent, Retry as Retry
from fastapi_crud.tasks.outbox import (
    DeadJob as DeadJob,
    Health as Health,
    Job as Job,
    outbox_table as outbox_table,
)
from fastapi_crud.tasks.relay import Dispatcher as Dispatcher, Relay as Relay
from fastapi_crud.tasks.task import (
    RetryPolicy as RetryPolicy,
    Task as Task,
    TaskContext as TaskContext,
    enqueue as enqueue,
    task as task,
)
