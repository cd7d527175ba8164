"""The example about files does what its page says."""

import json
import re
from typing import Any

from tests.docs.conftest import DOCS, Visit

PAGE = (DOCS / "how-to" / "export-and-import.md").read_text()
API = "/api/v1/products"
CSV = {"Content-Type": "text/csv"}
FILE = "sku,name,price\r\nA,Apple,1.50\r\nB,,12\r\n"


def accepting(media_type: str) -> dict[str, str]:
    return {"Accept": media_type}


async def test_products_come_and_leave_as_files(visit: Visit) -> None:
    """Is a file stored, and written again as it was where the columns are chosen?"""
    async with visit("export_import") as client:
        answer = await client.post(f"{API}:import", content=FILE, headers=CSV)
        assert (answer.status_code, answer.json()) == (201, {"created": 2})
        few = await client.get(f"{API}?price__lt=10&sort=name", headers=accepting("text/csv"))
        assert few.text == "id,sku,name,price\r\n1,A,Apple,1.50\r\n"
        lines = await client.get(API, headers=accepting("application/x-ndjson"))
        rows = [json.loads(line) for line in lines.text.splitlines()]
        assert rows == (await client.get(API)).json()["items"]


async def test_mistakes_are_told_as_the_page_shows(visit: Visit) -> None:
    """Has the answer what stands on the page?"""
    (told,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    async with visit("export_import") as client:
        content = "sku,price\nA,1\n,2\n"
        answer: Any = await client.post(f"{API}:import", content=content, headers=CSV)
        assert json.loads(told).items() <= answer.json().items()
