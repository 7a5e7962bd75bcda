"""Receipts: what labels call an amount, and which of several amounts is which."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from fakes import signal
from written_pages import Receipt

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Name, Quantity
from edge_assistant.reasoning.written.amounts import amounts, role_of
from edge_assistant.reasoning.written.rows import Row, rows
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind


def typeset(text: str) -> Receipt:
    """A page as it stands in a text: cells are apart by two spaces or more."""
    page = Receipt()
    for line in text.strip("\n").split("\n"):
        page.rows.append([(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", line)])
    return page


def read(text: str) -> list[Claim]:
    return written_claims(Source(signal(Kind.IMAGE), typeset(text).evidence()))


def texts(found: list[Claim]) -> dict[str, str]:
    return {claim.attribute or "": claim.text for claim in found if claim.subject is None}


def prices(found: list[Claim]) -> dict[str | None, str]:
    return {claim.subject: claim.text for claim in found if claim.attribute == "price"}


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("TOTAL", "total"),
        ("Total (RM)", "total"),
        ("Total incl. 6% GST", "total"),
        ("Total Sales (Inclusive of GST)", "total"),
        ("TOTAL (GST INCLUDED)", "total"),
        ("Total Amt Payable", "total"),
        ("Net Total", "total"),
        ("ROUNDED TOTAL", "total"),
        ("Total after rounding", "total"),
        ("Total before discount", "total"),
        ("BALANCE DUE", "total"),
        ("Sub-Total", "subtotal"),
        ("(Excluded GST) Sub Total", "subtotal"),
        ("Total Sales (Excluding GST)", "subtotal"),
        ("Total before tax", "subtotal"),
        ("GST @6% included in total", "tax"),
        ("Bil1 Inclusive of 6% GST", "total"),
        ("Total GST", "tax"),
        ("Sales tax 8.25%", "tax"),
        ("VAT 20% included", "tax"),
        ("Total rounding", "rounding"),
        ("Rounding Adj.", "rounding"),
        ("Received Cash", "cash"),
        ("Paid Amount", "cash"),
        ("Visa **** 1234", "cash"),
        ("Cash change", "change"),
        ("Change due", "change"),
        ("TOTAL DISCOUNT", "discount"),
        ("Service charge 10%", "service charge"),
        ("Total Qty Tender", None),
        ("Tomato soup", None),
        ("T0TAL", "total"),
        ("SUBT0TAL", "subtotal"),
        ("CA5H", "cash"),
    ],
)
def test_what_a_label_calls_an_amount(label: str, role: str | None) -> None:
    found, rest = role_of(label)
    assert found == role
    if role is not None and role != "tax":
        assert not rest


@pytest.mark.parametrize("label", ["Gift card", "Oil change", "Cash box", "Total cereal", "Tax guide", "Tip jar"])
def test_an_article_that_is_called_like_a_sum_has_words_left(label: str) -> None:
    assert role_of(label)[1]


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("RM 34.80", "34.80", "MYR"),
        ("RM34.80", "34.80", "MYR"),
        ("$1,234.50", "1234.50", "USD"),
        ("1.234,50 EUR", "1234.50", "EUR"),
        ("34,80", "34.80", None),
        ("£6.00", "6.00", "GBP"),
        ("-0.02", "-0.02", None),
        ("(0.02)", "-0.02", None),
        ("0.02-", "-0.02", None),
        ("-RM 0.02", "-0.02", "MYR"),
        ("RMO.00", "0.00", "MYR"),
        ("11.60 SR", "11.60", None),
        ("6,70 A", "6.70", None),
        ("RM 5", "5", "MYR"),
    ],
)
def test_how_an_amount_is_written(text: str, number: str, unit: str | None) -> None:
    (found,) = amounts([Row("E1", ("Tea", text), (None, None), True, 1.0)])
    assert (found.number, found.unit, found.label) == (Decimal(number), unit, "Tea")
    assert found.text in text


@pytest.mark.parametrize(
    "text",
    ["12.05.2024", "18:04", "6.00%", "0.452 kg", "5.6600", "43300", "3-56131328", "G1.116A", "34.20 L", "RM20202#"],
)
def test_what_is_no_amount(text: str) -> None:
    assert amounts([Row("E1", ("Tea", text), (None, None), True, 1.0)]) == []


def test_of_several_totals_cash_and_change_confirm_one() -> None:
    found = read("""
    LUCKY STAR
    Noodles                     60.31
    Total                       60.31
    Rounding                    -0.01
    Total after rounding        60.30
    Cash                       100.00
    Change                      39.70
    """)
    assert texts(found)["total"] == "60.30"
    assert next(claim for claim in found if claim.attribute == "total").confidence > 0.95


def test_the_parts_of_a_bill_confirm_its_total() -> None:
    found = read("""
    LUCKY STAR RESTORAN
    2  Teh O Ais           1.80      3.60
    1  Roti Canai          1.50      1.50
    3  Nasi Goreng         6.00     18.00
    Sub Total                       23.10
    Discount                        -2.31
    Service Charge 10%               2.08
    SST 6%                           1.25
    Rounding                        -0.02
    TOTAL (RM)                      24.10
    """)
    assert {"total": "24.10", "subtotal": "23.10", "tax": "1.25", "discount": "-2.31"}.items() <= texts(found).items()
    assert prices(found) == {"Teh O Ais": "3.60", "Roti Canai": "1.50", "Nasi Goreng": "18.00"}


def test_an_invoice() -> None:
    found = read("""
                 BRAMLEY TOOLS GMBH
    INVOICE
    Invoice no.    2024-0117        Invoice date   14.02.2024
    Customer no.   10221            Due date       28.02.2024

    Description              Qty    Unit price     Amount
    Torque wrench            2      45.00          90.00
    Bit set                  1      19.90          19.90
    Delivery                 1      6.50           6.50
                             Net amount            116.40
                             VAT 19%               22.12
                             Total amount due      138.52 EUR
    """)
    wanted = {
        "total": "138.52 EUR",
        "subtotal": "116.40",
        "tax": "22.12",
        "date": "14.02.2024",
        "due date": "28.02.2024",
        "receipt number": "2024-0117",
        "customer no.": "10221",
        "seller": "BRAMLEY TOOLS GMBH",
    }
    assert wanted.items() <= texts(found).items()
    assert [c.text for c in found if c.attribute == "unit price"] == ["45.00"]


def test_a_tax_that_is_called_like_a_total() -> None:
    found = read("""
    Corner Cafe
    Slice                  39.00
    Grand Total            39.00
    (Bill Inclusive of 6% GST : 2.21)
    """)
    assert {"total": "39.00", "tax": "2.21"}.items() <= texts(found).items()


def test_the_total_of_a_table_of_taxes_is_not_to_pay() -> None:
    found = read("""
    FRESH FIELDS
    Milk 2L                  2.10 B
    Wine                    12.04 A
    SUM                     14.14
    Tax rate   Net    Tax   Gross
    A 19%     10.12  1.92   12.04
    B 7%       1.96  0.14    2.10
    Total     12.08  2.06   14.14
    """)
    assert texts(found)["total"] == "14.14"


def test_names_stand_above_codes_and_prices() -> None:
    found = read("""
    HANDY HARDWARE SDN BHD
    -TAX INVOICE-
    DOUBLE BOX 10Y                    *S
    WA29 - 20
    9553114461423    1 X 25.90     25.90
    SPONGE MAGIC 4S                   *S
    9064350          2 X  0.90      1.80
    Total Incl. GST@6%          RM 27.70
    CASH                        RM 50.00
    CHANGE                      RM 22.30
    19-04-18 18:04 SH01 ZJ86    T1 R000118085
    OPERATOR TRAINEE CASHIER
    """)
    assert prices(found) == {"DOUBLE BOX 10Y": "25.90", "SPONGE MAGIC 4S": "1.80"} or prices(found) == {
        "DOUBLE BOX 10Y WA29 - 20": "25.90",
        "SPONGE MAGIC 4S": "1.80",
    }
    assert {"total": "RM 27.70", "date": "19-04-18", "time": "18:04"}.items() <= texts(found).items()


def test_the_price_of_one_stands_above_or_below_the_price_of_all() -> None:
    above = read("""
    MARKET
    FRUITS     @24.00
    40158       *2        48.00
    Total                 48.00
    """)
    below = read("""
    MARKET
    FRUITS                48.00
      2 @ 24.00
    BREAD                  3.00
    Total                 51.00
    """)
    for found in (above, below):
        assert prices(found)["FRUITS"] == "48.00"
        assert [(c.subject, c.text) for c in found if c.attribute == "unit price"] == [("FRUITS", "24.00")]


def test_labels_above_amounts() -> None:
    found = read("""
    MARKET
    Bread         3.00
    TOTAL
    RM3.00
    CASH
    5.00
    CHANGE
    2.00
    """)
    assert {"total": "RM3.00", "cash": "5.00", "change": "2.00"}.items() <= texts(found).items()


def test_labels_in_a_row_above_as_many_amounts() -> None:
    evidence = typeset("""
    MARKET
    Bread         3.00
    Sub total
    Tax
    TOTAL
    3.00
    0.18
    3.18
    """)
    found = texts(written_claims(Source(signal(Kind.IMAGE), evidence.evidence())))
    assert {"subtotal": "3.00", "tax": "0.18", "total": "3.18"}.items() <= found.items()


def test_a_total_that_cash_and_change_deny_is_a_guess() -> None:
    found = read("""
    HARDWARE HUB
    Hammer        1 x 15.00     15.00
    Nails         2 x  3.20      6.40
    TOTAL                       21.04
    CASH                        30.00
    CHANGE                       8.60
    """)
    assert next(claim for claim in found if claim.attribute == "total").confidence < 0.7


def test_other_days_and_times_are_not_those_of_the_purchase() -> None:
    found = read("""
    Corner Cafe
    Open daily 8:00 - 22:00
    Scone           2.80
    TOTAL           2.80
    Return before 24/12/2025
    12 Nov 2025 09:30
    """)
    assert (texts(found)["date"], texts(found)["time"]) == ("12 Nov 2025", "09:30")


def test_a_house_number_is_no_date() -> None:
    found = read("""
    Corner Cafe
    NO. 7, JALAN MELATI 3/2
    Scone           2.80
    TOTAL           2.80
    """)
    assert "date" not in texts(found)


def test_cells_that_were_read_as_one_word() -> None:
    found = read("""
    Corner Cafe
    Scone2.80
    Tea1.20
    TOTAL4.00
    CASH5.00
    CHANGE1.00
    """)
    assert {"total": "4.00", "cash": "5.00", "change": "1.00"}.items() <= texts(found).items()
    assert prices(found) == {"Scone": "2.80", "Tea": "1.20"}


def test_a_list_of_prices() -> None:
    found = read("""
    Menu
    Tomato soup     4.50
    Fish pie       12.00
    Coffee          2.80
    """)
    assert prices(found) == {"Tomato soup": "4.50", "Fish pie": "12.00", "Coffee": "2.80"}
    assert "total" not in texts(found)


def test_the_seller_is_no_scribble_and_no_address() -> None:
    evidence = list(
        typeset("""
    Jogaya
    MAKASSAR FRESH MARKET S/B.
    JALAN SS15/4B
    Fruits        24.00
    Total         24.00
    """).evidence()
    )
    assert texts(written_claims(Source(signal(Kind.IMAGE), tuple(evidence))))["seller"] == "MAKASSAR FRESH MARKET S/B"


def test_columns_are_known_by_their_names() -> None:
    (_, row) = rows(
        typeset("""
    Item            Qty    Price   Amount
    Tea              2      1.50     3.00
    """).evidence()
    )
    assert row.columns == ("Item", "Qty", "Price", "Amount")
    assert amounts([row])[-1].value == Quantity((Decimal("3.00"),))


# ---- the words that ship

WRITTEN = vocabulary().written


@pytest.mark.parametrize("word", sorted(WRITTEN["fillers"]))
def test_a_filler_changes_nothing(word: str) -> None:
    assert not role_of(f"Total {word}")[1]


@pytest.mark.parametrize("word", sorted(WRITTEN["unsaid"]))
def test_a_word_that_is_not_heard_keeps_names_together(word: str) -> None:
    assert role_of(f"grand {word} total") == ("total", ())


@pytest.mark.parametrize("word", sorted(WRITTEN["inclusive"]))
def test_a_total_with_tax_is_a_total(word: str) -> None:
    assert role_of(f"Total Sales ({word} GST)") == ("total", ())


@pytest.mark.parametrize("word", sorted(WRITTEN["around"]))
def test_a_total_before_or_after_rounding_is_a_total(word: str) -> None:
    assert role_of(f"Total {word} rounding")[0] == "total"


@pytest.mark.parametrize("word", sorted(WRITTEN["counts"]))
def test_a_count_is_no_amount(word: str) -> None:
    assert role_of(f"Total {word}")[0] is None


@pytest.mark.parametrize("word", sorted(WRITTEN["final"]))
def test_a_word_that_says_which_total_is_to_pay(word: str) -> None:
    found = read(f"Corner Cafe\nTotal         10.00\nTotal {word}         9.00")
    if role_of(f"Total {word}") == ("total", ()):
        assert texts(found)["total"] == "9.00"


@pytest.mark.parametrize("word", sorted(WRITTEN["provisional"]))
def test_a_total_that_is_not_yet_to_pay(word: str) -> None:
    found = read(f"Corner Cafe\nTotal {word} rounding         10.02\nTotal         10.00")
    assert texts(found)["total"] == "10.00"


@pytest.mark.parametrize("label", sorted(WRITTEN["number_labels"]))
def test_a_label_that_is_only_called_number(label: str) -> None:
    found = read(f"Corner Cafe\n{label.title()} : CS-20243\nTea         2.00\nTotal         2.00")
    assert texts(found)["receipt number"] == "CS-20243"


@pytest.mark.parametrize("words", sorted(WRITTEN["tax_table"]))
def test_a_table_of_taxes_is_known_by_its_head(words: str) -> None:
    found = read(f"Corner Cafe\nTea       2.00\nTotal       2.00\n{words}\nTotal        1.90")
    assert texts(found)["total"] == "2.00"


@pytest.mark.parametrize("words", sorted(WRITTEN["not_seller"]))
def test_a_title_is_not_the_seller(words: str) -> None:
    found = read(f"{words.upper()}\nBluebird\nTea       2.00\nTotal       2.00")
    assert texts(found)["seller"] == "Bluebird"


@pytest.mark.parametrize("word", sorted(WRITTEN["address"]))
def test_an_address_is_not_the_seller(word: str) -> None:
    found = read(f"Elm {word} No\nBluebird\nTea       2.00\nTotal       2.00")
    assert texts(found).get("seller") == "Bluebird"


@pytest.mark.parametrize("word", sorted(WRITTEN["company"]))
def test_a_company_is_the_seller(word: str) -> None:
    found = read(f"Somebody\nBluebird {word}\nTea       2.00\nTotal       2.00")
    assert texts(found)["seller"] == f"Bluebird {word}"


@pytest.mark.parametrize("word", sorted(WRITTEN["legal"]))
def test_a_legal_form_is_no_part_of_a_name(word: str) -> None:
    found = read(f"Bluebird Books {word.upper()}\nTea       2.00\nTotal       2.00")
    assert [claim.value for claim in found if claim.attribute == "seller"] == [Name(("bluebird", "books"))]


@pytest.mark.parametrize("word", sorted(WRITTEN["not_when"]))
def test_a_day_of_something_else(word: str) -> None:
    found = read(f"Bluebird\n{word} 12/11/2025\n13/11/2025\nTea       2.00\nTotal       2.00")
    assert texts(found)["date"] == "13/11/2025"


@pytest.mark.parametrize("month", sorted(vocabulary().misread_months))
def test_a_month_with_a_digit_for_a_letter(month: str) -> None:
    found = read(f"Bluebird\n12 {month.upper()} 2025\nTea       2.00\nTotal       2.00")
    assert texts(found)["date"] == f"12 {month.upper()} 2025"


@pytest.mark.parametrize("name", sorted(WRITTEN["on_receipts"]))
def test_what_receipts_tell_is_an_attribute(name: str) -> None:
    assert name.replace(" ", "_") in vocabulary().attributes
