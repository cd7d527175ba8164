"""Tasks that send mails."""

from fastapi_crud.tasks.mailers import EmailMessage, Mailer, mailer_of
from fastapi_crud.tasks.settings import TaskSettings
from fastapi_crud.tasks.task import RetryPolicy, TaskContext, task

THREE_RETRIES = RetryPolicy(max_attempts=4, base=60, cap=900)

_chosen: dict[str, Mailer] = {}


def use_mailer(mailer: Mailer | None) -> None:
    """Let the tasks of this process send by a mailer.

    Args:
        mailer: The mailer; None for the default, that of `TaskSettings`: by SMTP if `SMTP_HOST`
            is set, else to the console.
    """
    _chosen.clear()
    if mailer is not None:
        _chosen["mailer"] = mailer


@task("fastapi_crud.send_email", retry=THREE_RETRIES)
async def send_email(
    context: TaskContext, to: str, subject: str, body: str, html: str | None = None
) -> None:
    """Send a mail: once, or, if a worker dies at the wrong time, twice with one Message-ID.

    Args:
        context: The attempt.
        to: The address of the recipient, without a name.
        subject: The subject, in one line.
        body: The text.
        html: The same in HTML.

    Raises:
        Retry: If it may be accepted later; at most three times.
        Permanent: If it will never be.
    """
    message = EmailMessage(
        to=to, subject=subject, text=body, html=html, message_id=str(context.job_id)
    )
    await _mailer().send(message)


@task("fastapi_crud.send_bulk_emails", retry=THREE_RETRIES)
async def send_bulk_emails(
    context: TaskContext, recipients: list[str], subject: str, body: str
) -> None:
    """Ask for one mail to each recipient: for all of them, or, after an error, for none.

    Args:
        context: The attempt.
        recipients: Their addresses. Who is named twice gets one mail.
        subject: The subject, in one line.
        body: The text.
    """
    for recipient in dict.fromkeys(recipients):
        await send_email.enqueue(context.session, recipient, subject, body)


def _mailer() -> Mailer:
    if not _chosen:
        _chosen["mailer"] = mailer_of(TaskSettings())
    return _chosen["mailer"]
