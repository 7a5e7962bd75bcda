"""Receipts: what a whole page tells, its sums, articles, seller, day and number."""

from __future__ import annotations

import pytest
from fakes import signal
from written_receipts import prices, read, texts, typeset

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.values import Name
from edge_assistant.reasoning.written.written import written_claims
from edge_assistant.signals import Kind


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


# ---- the words that ship

WRITTEN = vocabulary().written


@pytest.mark.parametrize("label", sorted(WRITTEN["number_labels"]))
def test_a_label_that_is_only_called_number(label: str) -> None:
    found = read(f"Corner Cafe\n{label.title()} : CS-20243\nTea         2.00\nTotal         2.00")
    assert texts(found)["receipt number"] == "CS-20243"


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
