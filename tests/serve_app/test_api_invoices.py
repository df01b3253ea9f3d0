"""Invoices over HTTP: whom they are for, their three forms, corrections, and who may see them."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from db.billing.invoices import Terms, begin_period, issue_invoice
from jobs.errors import InvalidInput
from jobs.invoicing import invoice_period
from serve_app.billing.documents import DocumentFormat, negotiated
from serve_app.billing.invoice_schemas import InvoiceView
from serve_app.billing.pdf import InvoicePrinter
from tests.db.books import book, price_list, prices
from tests.serve_app.farm import ApiFarm, bearer, problem_of
from tests.serve_app.test_api_billing import answer_of

HOME = "/v1/projects/default"


async def issued(farm: ApiFarm, *, cost: str = "10.005", pool: str = "default", **terms: Any) -> str:
    """The number of an invoice of last February."""
    version = (await price_list(farm.db, prices(cpu_second="1"))).version
    await book(farm, at=datetime(2026, 2, 3, tzinfo=UTC), version=version, cpu_us=10_005_000, cost=cost, pool=pool)
    period = invoice_period(date(2026, 2, 1), zone="UTC")
    epoch = await farm._lead()
    assert await begin_period(farm.db, period, epoch=epoch)
    values = {"seller": "Render House", "seller_tax_id": "DE1", "tax_rate": 0, "prefix": "INV-", "note": "", **terms}
    values["tax_rate"] = Decimal(values["tax_rate"])
    row = await issue_invoice(farm.db, period, project_id=farm.project_id, terms=Terms(**values), epoch=epoch)
    return row.number


async def test_an_invoice_goes_to_whom_the_profile_names_and_keeps_it(farm: ApiFarm) -> None:
    profile = {"recipient": "Film & Söhne\nBerlin", "tax_id": "DE99", "stripe_customer": None}
    assert await answer_of(farm, "PUT", f"{HOME}/billing", profile) == profile
    number = await issued(farm, tax_rate="0.19")
    await answer_of(farm, "PUT", f"{HOME}/billing", {"recipient": "Nobody"})
    found = await answer_of(farm, "GET", f"{HOME}/invoices/{number}")
    assert (found["recipient"], found["tax_id"]) == ("Film & Söhne\nBerlin", "DE99")
    sums = {name: found[name] for name in ("subtotal", "credits", "net", "tax", "total")}
    assert sums == {"subtotal": "10.005", "credits": "0", "net": "10.01", "tax": "1.90", "total": "11.91"}
    assert [(each["pool"], each["unit"], each["quantity"], each["unit_price"]) for each in found["lines"]] == [
        ("default", "cpu_second", "10.005", "1")
    ]
    [listed] = (await answer_of(farm, "GET", f"{HOME}/invoices"))["items"]
    assert listed.items() <= found.items()


async def test_its_form_goes_by_suffix_and_else_by_accept(farm: ApiFarm) -> None:
    number = await issued(farm)
    url = f"{HOME}/invoices/{number}"
    for suffix, accept, kind in (
        ("", "*/*", "application/json"),
        ("", "text/csv", "text/csv"),
        ("", "application/pdf, application/json;q=0.5", "application/pdf"),
        (".json", "application/pdf", "application/json"),
        (".csv", "application/json", "text/csv"),
        (".pdf", "*/*", "application/pdf"),
    ):
        answer = await farm.http.get(url + suffix, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert "Accept" in answer.headers["vary"]
    problem_of(await farm.http.get(url, headers={"Accept": "image/png"}), 406, "not-acceptable")
    problem_of(await farm.http.get(f"{HOME}/invoices/INV-000009.pdf"), 404, "not-found")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("", "json"),
        ("text/*", "csv"),
        ("application/json;q=0, */*", "pdf"),
        ("text/csv;q=0.9, application/pdf;q=0.8", "csv"),
        ("*/*;q=0.1, application/pdf;q=x", "json"),
    ],
)
def test_the_form_with_the_highest_quality_is_taken(accept: str | None, form: str) -> None:
    assert negotiated(accept) is DocumentFormat(form)


@pytest.mark.parametrize("sign", ["=", "\uff1d"])
async def test_a_pool_that_is_a_formula_stays_text_in_a_spreadsheet(farm: ApiFarm, sign: str) -> None:
    number = await issued(farm, pool=f"{sign}HYPERLINK(1)")
    rows = list(csv.DictReader(io.StringIO((await farm.http.get(f"{HOME}/invoices/{number}.csv")).text)))
    assert [(row["pool"], row["unit"], row["amount"]) for row in rows] == [
        (f"'{sign}HYPERLINK(1)", "cpu_second", "10.005"),
        ("", "subtotal", "10.005"),
        ("", "credits", "0"),
        ("", "net", "10.01"),
        ("", "tax", "0.00"),
        ("", "total", "10.01"),
    ]
    span = {"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    [row] = csv.DictReader(io.StringIO((await farm.http.get(f"{HOME}/usage/export", params=span)).text))
    assert row["pool"] == f"'{sign}HYPERLINK(1)"


async def test_a_pdf_is_the_same_bytes_each_time_and_of_another_printer(farm: ApiFarm) -> None:
    number = await issued(farm, note="Within 14 days. " * 60)
    first = (await farm.http.get(f"{HOME}/invoices/{number}.pdf")).content
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    assert (await farm.http.get(f"{HOME}/invoices/{number}.pdf")).content == first
    view = InvoiceView.model_validate(await answer_of(farm, "GET", f"{HOME}/invoices/{number}"))
    assert InvoicePrinter().print(view) == first
    other = view.model_copy(update={"recipient": "Somebody"})
    assert InvoicePrinter().print(other) != first


async def test_a_long_invoice_has_more_pages(farm: ApiFarm) -> None:
    number = await issued(farm)
    view = InvoiceView.model_validate(await answer_of(farm, "GET", f"{HOME}/invoices/{number}"))
    pages = [
        len(re.findall(rb"/Type /Page\b", InvoicePrinter().print(view.model_copy(update={"lines": view.lines * many}))))
        for many in (1, 100)
    ]
    assert pages == [1, 4]


def test_what_the_font_lacks_is_printed_by_its_number() -> None:
    assert InvoicePrinter().printable("Łódź 漢 €") == "Łód<U+017A> <U+6F22> €"


def test_a_file_that_is_no_font_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"no font")
    with pytest.raises(InvalidInput, match="font"):
        InvoicePrinter(tmp_path / "font.ttf")


async def test_a_credit_note_is_made_once_and_an_invoice_is_not_taken_back_twice(farm: ApiFarm) -> None:
    number = await issued(farm, tax_rate="0.1")
    notes = f"{HOME}/invoices/{number}/credit-notes"
    wish = {"amount": "10.01", "reference": "ticket-1", "reason": "black frames"}
    made = await answer_of(farm, "POST", notes, wish, 201)
    assert (made["number"], made["corrects"], made["net"], made["total"]) == (
        "INV-000002",
        number,
        "-10.01",
        "-11.01",
    )
    assert await answer_of(farm, "POST", notes, wish, 200) == made
    problem_of(await farm.http.post(notes, json={**wish, "reference": "b", "amount": "0.01"}), 409, "conflict")
    for amount in ("0", "0.001", "-1", "1e3"):
        problem_of(await farm.http.post(notes, json={**wish, "amount": amount, "reference": "c"}), 422, "invalid-input")
    pdf = await farm.http.get(f"{HOME}/invoices/{made['number']}.pdf")
    assert pdf.content.startswith(b"%PDF-")
    first = await answer_of(farm, "GET", f"{HOME}/invoices?limit=1")
    second = await answer_of(farm, "GET", f"{HOME}/invoices?limit=1&cursor={first['next_cursor']}")
    assert [page["items"][0]["number"] for page in (first, second)] == ["INV-000002", number]


async def test_an_invoice_of_another_project_is_not_there(farm: ApiFarm) -> None:
    number = await issued(farm)
    stranger = bearer(await farm.new_key("other"))
    problem_of(await farm.http.get(f"{HOME}/invoices/{number}", headers=stranger), 404, "not-found")
    problem_of(await farm.http.get(f"/v1/projects/other/invoices/{number}", headers=stranger), 404, "not-found")


async def unclear(farm: ApiFarm) -> str:
    """The id of a report of which nothing is known."""
    await farm.execute(
        "insert into usage_report (project_id, customer, unit, meter, value, since, until, state, error, ended_at)"
        " values (:project, 'cus_1', 'gpu_second', 'gpu', 7, now() - interval '2 hours', now() - interval '1 hour',"
        " 'unclear', 'Stripe answers 500', now())",
        project=farm.project_id,
    )
    return str((await answer_of(farm, "GET", f"{HOME}/usage-reports"))["items"][0]["id"])


async def test_a_person_tells_whether_an_unclear_report_arrived(farm: ApiFarm) -> None:
    report = await unclear(farm)
    resolve = f"{HOME}/usage-reports/{report}/resolve"
    done = await answer_of(farm, "POST", resolve, {"arrived": False})
    assert (done["state"], done["value"]) == ("void", 7)
    problem_of(await farm.http.post(resolve, json={"arrived": True}), 409, "conflict")
    first = await answer_of(farm, "GET", f"{HOME}/usage-reports?limit=1")
    second = await answer_of(farm, "GET", f"{HOME}/usage-reports?limit=1&cursor={first['next_cursor']}")
    [new], [old] = first["items"], second["items"]
    assert (new["state"], new["replaces"], new["value"]) == ("pending", report, 7)
    assert (old["id"], second["next_cursor"]) == (report, None)
    stranger = bearer(await farm.new_key("other"))
    problem_of(await farm.http.get(f"{HOME}/usage-reports", headers=stranger), 404, "not-found")


async def test_two_projects_are_not_the_same_customer(farm: ApiFarm) -> None:
    await farm.new_key("other")
    customer = {"stripe_customer": "cus_1"}
    await answer_of(farm, "PUT", f"{HOME}/billing", customer)
    problem_of(await farm.http.put("/v1/projects/other/billing", json=customer), 409, "conflict")
    problem_of(await farm.http.put(f"{HOME}/billing", json={"stripe_customer": "acct_1"}), 422, "invalid-input")
    found = await answer_of(farm, "GET", f"{HOME}/billing")
    assert found == {"recipient": "", "tax_id": "", "stripe_customer": "cus_1"}


async def test_a_field_that_is_not_named_stays_as_it_is_and_keeps_the_customer(farm: ApiFarm) -> None:
    profile = {"recipient": "Film Ltd", "tax_id": "DE99", "stripe_customer": "cus_1"}
    assert await answer_of(farm, "PUT", f"{HOME}/billing", profile) == profile
    await farm.execute("update billing_profile set reported_until = now() - interval '3 days'")
    changed = await answer_of(farm, "PUT", f"{HOME}/billing", {"recipient": "Film GmbH"})
    assert changed == {**profile, "recipient": "Film GmbH"}
    assert await farm.count("billing_profile where reported_until < now() - interval '2 days'") == 1
    assert await answer_of(farm, "PUT", f"{HOME}/billing", {"stripe_customer": None}) == {
        **changed,
        "stripe_customer": None,
    }
    await farm.new_key("other")  # the customer may be another project's at once
    assert (await farm.http.put("/v1/projects/other/billing", json={"stripe_customer": "cus_1"})).is_success
    problem_of(await farm.http.put(f"{HOME}/billing", json={"stripe_customer": "cus_1"}), 409, "conflict")
