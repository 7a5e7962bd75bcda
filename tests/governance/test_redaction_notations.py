"""Numbers, addresses and dates of birth in the notations of several countries, and numbers of things, which stay."""

from __future__ import annotations

import re

from edge_assistant.governance.redaction.redactor import Redactor

KEY = bytes(32)
# what stands in <> is personal data
TOLD = [
    "Birthdate: <3 May 1971>  Badge: <20441>",
    "reg is <golf x-ray two one zulu zulu tango>",
    "mein geburtstag ist der <vierte elfte neunundsiebzig>",
    "Ring Aoife on <086 412 7735> after six.",
    "Tel: <(021) 427 5533>",
    "call Ravi sir on <98450 12345>",
    "Ph: <080-2345 6789>",
    "ph <0412 345 678> for pickup",
    "Office (02) line: <(02) 9876 5432>",
    "Reach Shane at <03 9876 5432> before noon",
    "Natel <079 412 33 55>, bitte nicht vor 9 Uhr",
    "Handy <0664/123 45 67>",
    "Tel.: <01/512 34 56-12>",
    "T: <+43 1 5123456>",
    "M: <07700 900112>  T: <0161 496 0110>",
    "Text Ola at <555-0144> when the part is in.",
    "PPS No: <1234567TA>",
    "TFN <123 456 782>",
    "IHI number <8003 6081 6669 0503>",
    "Claim ref. <CL/2024/88172>",
    "Scheme member no. <M/4471/88>",
    "Garda vetting ref <GV-220198>",
    "Mitarbeiterkennung <ma-20418>",
    "Kd.-Nr. <88-1042>",
    "Aktenzeichen <4 C 118/24>",
    "Az.: <2 BvR 1182/23>",
    "Hospital #: <55-20-17>",
    "NHI <ZAC5361>",
    "reg <191-D-12345> booked in for NCT",
    "The van <MH12 AB 1234> is blocking bay 3",
    "rego <1AB 2CD>",
    "Kontrollschild <ZH 412 337>",
    "LKW <GU 512 XY> steht auf der Rampe",
    "TRAILER <KR 5X123> SEAL OK",
    "14 Harbour Rise line: <14 Harbour Rise, Cobh, Co. Cork, P24 KX61>",
    "Eircode <D02 X285>",
    "live at <Apt 3, The Maltings, Bow Lane, Dublin 8, D08 T2K5>",
    "Deliver to <Flat 302, Sai Residency, 4th Cross, Indiranagar, Bengaluru 560038>",
    "Address: <12/3 MG Road, Bengaluru - 560001>",
    "moved to <H.No. 45, Sector 12, Chandigarh 160012>",
    "<Unit 4/27 Bourke St, Carlton VIC 3053> is the site",
    "<221 Queen St W, Toronto, ON M5V 1Z4>",
    "<Bahnhofstrasse 12, CH-8953 Dietikon>",
    "<Mariahilfer Straße 45/2/13, 1060 Wien>",
    "PLZ/Ort: <8953 Dietikon>",
    "wohnhaft <Neubaugasse 12/7, Wien>",
    "she's at <twenty three orchard close>",
    "wir sind in der <gartenstraße elf>",
    "ul. one: <ul. Długa 12/4, 00-238 Warszawa>",
    "<Storgatan 5, 111 23 Stockholm>",
    "DoB - <3 Apr 62>",
    "Year of birth: <1949>",
    "(b. <12 May 1951>)",
    "turns 40 on <3 May>, birthday cake ordered",
    "geboren wurde sie am <3. April 1956> in Graz",
    "am <03.04.1956> geboren",
    "kam am <4.5.2021> zur Welt",
    "logged in as <tobrien>",
    "schick's an <anna punkt weber at firma punkt de>",
    "write to <t_ellis at northside dash clinic dot org>",
    "clock no <4417>",
    "DL# <Y1234567>",
    "Schülerausweis <44-1182>",
    "PNR <ZK8R2P>",
    "Policy <HH/441882/20>",
    "Vertragskonto <2 0044 1882>",
    "Kundenreferenz <KR-20418>",
    "a red fiesta <ek67 zpt> blocking the gate",
    "He lives at <The Cottage, Back Lane, Thirsk>",
    "our new place is <number nine beechwood drive>",
    "at <one hundred and two park road>",
    "Abholung <Rue du Lac 14, 1003 Lausanne>",
    "<Oberer Graben 22, 9000 St. Gallen>",
    "Einsatz: <Am alten Markt 2>, <18055 Rostock>",
    "Age 62 (<12/03/1962>)",
    "Geburtstag: <12.3.>",
    "hat am <12. März> Geburtstag",
    "Zoom <dara_doyle88>",
]
THINGS = [
    "Order no. 448120 shipped, part number 7711-20, serial no. SN-20773-A",
    "Invoice number 30912, batch no. B2231, lot 2024-118",
    "Asset ID PMP-0041, sensor ID 11842, device no. 20417",
    "Rechnungsnummer 2024-1182, Artikelnummer 4711-08, Serien-Nr. 20190817-3",
    "Auftragsnr. 771203, Lieferschein-Nr. 88120, Fehlernummer 2041",
    "Ticket #20418 closed, flight #MH17, model no. H2X386-4412",
    "Stückzahl 12000, Postleitzahl 70173, lfd. Nr. 20418, Hallen-Nr. 1204",
    "filter no. 20418, belt number 8PK-1420, fuse ref F-2204",
    "We have no 4471 in stock, the list holds no ISO 8601",
    "Policy review 2024, member 2019, claim 1200 euro",
    "He has worked here since 1 March 1998, the plant was built on 12 May 1987",
    "reference range 3.5-5.0, Am Montag 12, Raum 4, Halle 7",
    "SEAL 004417 GROSS 38,420 KG",
    "two pumps in the back row, four of the main streets",
]


def test_it_is_found_whatever_its_notation() -> None:
    for told in TOLD:
        text = re.sub("[<>]", "", told)
        found = Redactor(KEY).redact(text).found
        for match in re.finditer("<(.*?)>", told):
            start = text.index(match[1])
            places = [place for place in range(start, start + len(match[1])) if text[place].isalnum()]
            assert all(any(one.start <= place < one.end for one in found) for place in places), told


def test_a_number_of_a_thing_is_left() -> None:
    for text in THINGS:
        assert Redactor(KEY).redact(text).text == text
