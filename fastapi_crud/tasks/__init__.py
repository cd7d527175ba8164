"""Jobs that run once what asked for them is stored; needs no broker."""

from fastapi_crud.tasks.emails import (
    send_bulk_emails as send_bulk_emails,
    send_email as send_email,
    use_mailer as use_mailer,
)
from fastapi_crud.tasks.exceptions import Permanent as Permanent, Retry as Retry
from fastapi_crud.tasks.mailers import (
    ConsoleMailer as ConsoleMailer,
    EmailMessage as EmailMessage,
    Mailer as Mailer,
    MemoryMailer as MemoryMailer,
    SMTPMailer as SMTPMailer,
    mailer_of as mailer_of,
)
from fastapi_crud.tasks.outbox import (
    DeadJob as DeadJob,
    Health as Health,
    Job as Job,
    outbox_table as outbox_table,
)
from fastapi_crud.tasks.relay import Dispatcher as Dispatcher, Relay as Relay
from fastapi_crud.tasks.settings import TaskSettings as TaskSettings
from fastapi_crud.tasks.task import (
    RetryPolicy as RetryPolicy,
    Task as Task,
    TaskContext as TaskContext,
    enqueue as enqueue,
    task as task,
)
