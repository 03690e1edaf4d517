"""Which type the texts and the id of a request mean, and the catalogue of built-in types."""

import hashlib
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import InvalidRequest
from tocsin.object_types.catalogue import BUILT_IN
from tocsin.object_types.records import ObjectType, TypeTexts, resolve_type

FIELD = "incident_content.incident_type"

# The placeholder of the vendor's own request sample: no type has it.
PLACEHOLDER = "909494e3-558e-46b6-a9eb-07a8e18ca62f"

# Name, code and id as published (API reference, types).
DDOS_ATTACKS = (
    ("DNS protocol attacks", "Tcp Dns", "6b3e0a352f1263aef8a8f5717d556102"),
    ("Unusual ports", "Unusual Network Port", "436eb2e391c4b852b9e5030ac76fee41"),
    ("Abnormal protocol attacks", "Unusual Protocol", "7c94922d7002adc8b1951041408e45bd"),
    ("ACK Flood", "ACK Flood", "e8710c1afa40806a2f4f33aeef246f2d"),
    ("BGP flood", "BGP Flood Attack", "0a21627014d7235f83b5edc51f377c0b"),
    ("DNS IP TTL", "DNS IP TTL Check Fail", "3efbf17606cdf6a0c311047cd620b3b1"),
    ("DNS reply flood", "DNS Reply Flood", "6df30d3534dceeb3f29c614566740c8d"),
    ("DNS query flood", "DNS Query Flood", "f960f76be998ff41a40e4be195671cb0"),
    ("Abnormal DNS size", "DNS Size Abnormal", "09cd8b718db4087ff5249fe56bde7fb8"),
    ("DNS reflection", "DNS Reflection", "d74dbf33374e4e114d85174c1f6afa9f"),
    ("Abnormal DNS response flow", "DNS Reply Domain Flow Abnormal", "0266cbcb629780d9b8d2ee45808551f0"),
    ("Invalid DNS format", "DNS Format Error", "2a7c99efffa86e3b32463bc16f60b94e"),
    ("DNS cache matching", "DNS Cache Match", "1e0d182e983d6df8fb167b098ac71f4d"),
    ("DNS cache poisoning", "DNS Cache Poisoning", "d74bdde9771fd4814982aee051a3a84e"),
    ("Abnormal DNS request flow", "DNS Request Domain Flow Abnormal", "b91b8ec8b587ff1f24e332c2ea3dc761"),
    ("DNS domain name errors", "DNS No Such Name", "6e057f82b001e79150029a3c19a8d826"),
    ("FIN/RST Flood", "FIN/RST Flood", "b4402f7d285a3bd565114f99ad711203"),
    ("HTTPS Flood", "HTTPS Flood", "def2a512309cc0822159645bf6054f03"),
    ("HTTP slow attacks", "HTTP Slow Attack", "008f7ac4f753cb05b86b5792da238599"),
    ("ICMP blocking", "ICMP Protocol Block", "abe5d246ad2959aa5a64f222626bb182"),
    ("IP reputation", "IP Reputation", "56bfd2710d61872e56b300aafefe4b87"),
    ("SIP Flood", "SIP Flood", "4fbc4ee968ef92963950728b30b7c60f"),
    ("Abnormal SIP source rate", "SIP Source Rate Abnormity", "e11c01bc661f3d251abd3b18e5739e86"),
    ("SYN Flood", "SYN Flood", "81bb8170c71bba347f32baf421f893fd"),
    ("SYN-ACK Flood", "SYN-ACK Flood", "86752279285b5263111ee72fc73b1415"),
    ("TCP bandwidth overflow", "TCP Bandwidth Overflow", "05c6fbb0446f5f277a17ca56ea5a4fce"),
    ("TCP multi-connection attacks", "TCP Connection Flood", "6db7f6186aeeb900fc664e8f99455bb7"),
    ("TCP fragment bandwidth overflow", "TCP Fragment Bandwidth Overflow", "5bf094e74c26163e69f18cdd3a5fa85e"),
    ("TCP fragment attacks", "TCP Fragment Flood", "ff92e503b87b2a557b0e7f198978f1fe"),
    ("Malformed TCP packets", "TCP Malformed", "1305457ad060a14e40b0c6fc136a0c53"),
)

ROOTKIT = "b03166f1b63f021663d9889c6274c27e"
DNS_PROTOCOL = "6b3e0a352f1263aef8a8f5717d556102"
ACK_FLOOD = "e8710c1afa40806a2f4f33aeef246f2d"
BLACK_IP = "ff783724957a5362db1cdcf201da32db"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def custom(
    type_id: str,
    category: str,
    child: str | None = None,
    *,
    category_code: str = "",
    child_code: str = "",
    enabled: bool = True,
    sla_ms: int = 0,
) -> ObjectType:
    return ObjectType(
        id=type_id,
        level=1 if child is None else 2,
        category=category,
        category_code=category_code or category,
        category_zh=None,
        sub_category=child,
        sub_category_code=child_code or child,
        sub_category_zh=None,
        enabled=enabled,
        is_built_in=False,
        sla_ms=sla_ms,
    )


CUSTOM = (
    custom("c-phishing", "Phishing", category_code="PhishingAttack"),
    custom("c-mail", "Phishing", "Mail", category_code="PhishingAttack", child_code="MailPhish", sla_ms=3_600_000),
    # Repeats a built-in pair by its names, under codes of its own.
    custom("c-syn", "DDoS attack", "SYN Flood", category_code="OurDdos", child_code="OurSyn", sla_ms=60_000),
    # Repeats a built-in pair, codes included.
    custom("c-sip", "DDoS attack", "SIP Flood", category_code="DDoS", sla_ms=30_000),
    custom("c-sip-off", "DDoS attack", "HTTPS Flood", category_code="DDoS", enabled=False),
    # The name of one type is the code of another.
    custom("c-swap-1", "Swap", "Left", category_code="SwapOne", child_code="Right"),
    custom("c-swap-2", "Swap", "Right", category_code="SwapTwo", child_code="Left"),
    # Twins, told apart by id only.
    custom("c-twin-1", "Twins", "Twin"),
    custom("c-twin-2", "Twins", "Twin"),
    # A child name under two parents.
    custom("c-policy-ip", "Blocklists", "Black IP"),
    custom("c-off", "Retired", enabled=False),
    custom("c-off-child", "Retired", "Old", enabled=False),
    custom("c-half-off", "Halves", "Half", enabled=False),
    custom("c-half-on", "Halves", "Half"),
)

TYPES = (*BUILT_IN, *CUSTOM)


class Case(NamedTuple):
    """What is sent, then what is stored: (category, child, type id)."""

    meaning: str
    type_id: str | None
    category: str | None
    child: str | None
    stored: tuple[str | None, str | None, str | None]
    sla_ms: int = 0
    strict: bool = True


ACCEPTED = (
    Case("known child id alone", ROOTKIT, None, None, ("Malware", "Rootkit", ROOTKIT)),
    Case("known child id, empty texts", ROOTKIT, "", "", ("Malware", "Rootkit", ROOTKIT)),
    Case("known parent id alone", md5("DDoS"), None, None, ("DDoS", None, md5("DDoS"))),
    Case("known id of a named Other", md5("Malware/Other"), None, None, ("Malware", "Other", md5("Malware/Other"))),
    Case("known id, its codes", DNS_PROTOCOL, "DDoS", "Tcp Dns", ("DDoS", "Tcp Dns", DNS_PROTOCOL)),
    Case(
        "known id, its names",
        DNS_PROTOCOL,
        "DDoS attack",
        "DNS protocol attacks",
        ("DDoS attack", "DNS protocol attacks", DNS_PROTOCOL),
    ),
    Case(
        "known id, its Chinese names",
        DNS_PROTOCOL,
        "DDoS攻击",
        "DNS协议攻击",
        ("DDoS攻击", "DNS协议攻击", DNS_PROTOCOL),
    ),
    Case("known id, texts in another case", ROOTKIT, "MALWARE", "rootkit", ("MALWARE", "rootkit", ROOTKIT)),
    Case("known id, category only", ROOTKIT, "malware", None, ("malware", "Rootkit", ROOTKIT)),
    Case(
        "known id, child only",
        DNS_PROTOCOL,
        None,
        "DNS protocol attacks",
        ("DDoS", "DNS protocol attacks", DNS_PROTOCOL),
    ),
    Case("known parent id, its category", md5("DDoS"), "DDoS attack", None, ("DDoS attack", None, md5("DDoS"))),
    Case(
        "known id settles an ambiguous child",
        md5("Malware/Other"),
        None,
        "Other",
        ("Malware", "Other", md5("Malware/Other")),
    ),
    Case("known id settles twins", "c-twin-2", "Twins", "Twin", ("Twins", "Twin", "c-twin-2")),
    Case("known custom id", "c-mail", None, None, ("PhishingAttack", "MailPhish", "c-mail"), 3_600_000),
    Case(
        "known built-in id beside a custom repeat",
        md5("SIP Flood"),
        "DDoS",
        "SIP Flood",
        ("DDoS", "SIP Flood", md5("SIP Flood")),
    ),
    Case(
        "the vendor's sample: placeholder id, names",
        PLACEHOLDER,
        "DDoS attack",
        "DNS protocol attacks",
        ("DDoS attack", "DNS protocol attacks", DNS_PROTOCOL),
    ),
    Case(
        "the older sample: placeholder id, child only",
        PLACEHOLDER,
        None,
        "DNS protocol attacks",
        ("DDoS", "DNS protocol attacks", DNS_PROTOCOL),
    ),
    Case("placeholder id, category only", PLACEHOLDER, "Malware", None, ("Malware", None, md5("Malware"))),
    Case(
        "an id in another case is unknown",
        ROOTKIT.upper(),
        "Web Attack",
        "Black IP",
        ("Web Attack", "Black IP", BLACK_IP),
    ),
    Case("codes", None, "DDoS", "ACK Flood", ("DDoS", "ACK Flood", ACK_FLOOD)),
    Case(
        "name of the parent, code of the child",
        None,
        "DDoS attack",
        "Tcp Dns",
        ("DDoS attack", "Tcp Dns", DNS_PROTOCOL),
    ),
    Case(
        "Chinese name of the parent, English of the child",
        None,
        "ddos攻击",
        "dns protocol attacks",
        ("ddos攻击", "dns protocol attacks", DNS_PROTOCOL),
    ),
    Case(
        "the other name of a parent",
        None,
        "System behavior abnormality",
        "File/Directory Change",
        ("System behavior abnormality", "File/Directory Change", md5("File/Directory Change")),
    ),
    Case(
        "the other spelling of a parent",
        None,
        "Abnormal network behavior",
        None,
        ("Abnormal network behavior", None, md5("Abnormal Network Behavior")),
    ),
    Case(
        "the other name, Other",
        None,
        "Brute-force Cracking",
        "Other",
        ("Brute-force Cracking", "Other", md5("Brute Force/Other")),
    ),
    Case("the parent Other", None, "Other", None, ("Other", None, md5("Other"))),
    Case("Other of Other", None, "other", "other", ("other", "other", md5("Other/Other"))),
    Case("child code alone", None, None, "Rootkit", ("Malware", "Rootkit", ROOTKIT)),
    Case("child name alone", None, None, "Unusual ports", ("DDoS", "Unusual ports", md5("Unusual Network Port"))),
    Case("Chinese child name alone", "", "", "DNS协议攻击", ("DDoS", "DNS协议攻击", DNS_PROTOCOL)),
    Case("category alone", None, "DDoS攻击", None, ("DDoS攻击", None, md5("DDoS"))),
    Case("custom names", None, "phishing", "mail", ("phishing", "mail", "c-mail"), 3_600_000),
    Case("custom category alone", None, "Phishing", None, ("Phishing", None, "c-phishing")),
    Case("custom before built-in, same texts", None, "DDoS", "SIP Flood", ("DDoS", "SIP Flood", "c-sip"), 30_000),
    Case(
        "custom before built-in, child alone, one parent",
        None,
        None,
        "SIP Flood",
        ("DDoS", "SIP Flood", "c-sip"),
        30_000,
    ),
    Case(
        "a code goes before the name of a custom type", None, None, "SYN Flood", ("DDoS", "SYN Flood", md5("SYN Flood"))
    ),
    Case(
        "a disabled repeat gives way to the built-in",
        None,
        "DDoS",
        "HTTPS Flood",
        ("DDoS", "HTTPS Flood", md5("HTTPS Flood")),
    ),
    Case("of two equals the enabled one", None, "Halves", "Half", ("Halves", "Half", "c-half-on")),
    Case("a code goes before a name", None, "Swap", "Left", ("Swap", "Left", "c-swap-2")),
    Case("a child code alone goes before a name", None, None, "Right", ("SwapOne", "Right", "c-swap-1")),
    Case("unknown texts", None, "Zoo", "Escape", ("Zoo", "Escape", None), strict=False),
    Case("unknown id and texts", PLACEHOLDER, "Zoo", "Escape", ("Zoo", "Escape", None), strict=False),
    Case("unknown category alone", None, "Zoo", None, ("Zoo", None, None), strict=False),
    Case("unknown child alone", None, None, "Escape", (None, "Escape", None), strict=False),
    Case("a known child under an unknown category", None, "Zoo", "ACK Flood", ("Zoo", "ACK Flood", None), strict=False),
    Case(
        "a known child under another known category",
        None,
        "Malware",
        "ACK Flood",
        ("Malware", "ACK Flood", None),
        strict=False,
    ),
    Case(
        "an unknown child under a known category", None, "Malware", "Escape", ("Malware", "Escape", None), strict=False
    ),
    Case("a parent's name as the child", None, None, "DDoS", (None, "DDoS", None), strict=False),
)


class Refusal(NamedTuple):
    meaning: str
    type_id: str | None
    category: str | None
    child: str | None
    field: str
    message: str
    strict: bool = False


REFUSED = (
    Refusal("lone unknown id", PLACEHOLDER, None, None, f"{FIELD}.id", "no type has this id"),
    Refusal("unknown id, empty texts", PLACEHOLDER, "", "", f"{FIELD}.id", "no type has this id"),
    Refusal("lone id in another case", ROOTKIT.upper(), None, None, f"{FIELD}.id", "no type has this id"),
    Refusal("id and another known pair", ROOTKIT, "DDoS", "ACK Flood", f"{FIELD}.id", "Malware / Rootkit"),
    Refusal("id and another category", ROOTKIT, "DDoS", None, f"{FIELD}.id", "name another type"),
    Refusal("id and another child", ROOTKIT, "Malware", "Other", f"{FIELD}.id", "name another type"),
    Refusal("id and an unknown child", ROOTKIT, "Malware", "Escape", f"{FIELD}.id", "name another type"),
    Refusal("parent id and a child", md5("DDoS"), "DDoS", "ACK Flood", f"{FIELD}.id", "this is DDoS,"),
    Refusal("Other alone", None, None, "Other", FIELD, "and 10 more; add `category` or `id`"),
    Refusal("Other and an unknown id", PLACEHOLDER, None, "other", FIELD, "add `category` or `id`"),
    Refusal("a child of a built-in and of a custom parent", None, None, "Black IP", FIELD, "Web Attack / Black IP"),
    Refusal("twins", None, "Twins", "Twin", FIELD, "Twins / Twin (c-twin-1), Twins / Twin (c-twin-2); add `id`"),
    Refusal("disabled parent", None, "Retired", None, FIELD, "is disabled"),
    Refusal("disabled child", None, "Retired", "Old", FIELD, "Retired / Old is disabled"),
    Refusal("disabled child alone", None, None, "Old", FIELD, "is disabled"),
    Refusal("disabled id", "c-off-child", None, None, FIELD, "is disabled"),
    Refusal("strict, unknown texts", None, "Zoo", "Escape", FIELD, "no type has these texts", strict=True),
    Refusal(
        "strict, unknown id and texts", PLACEHOLDER, "Zoo", "Escape", FIELD, "no type has these texts", strict=True
    ),
    Refusal("strict, unknown category", None, "Zoo", None, FIELD, "no type has these texts", strict=True),
    Refusal(
        "strict, known child of another parent", None, "Zoo", "ACK Flood", FIELD, "no type has these texts", strict=True
    ),
)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.meaning)
def test_a_request_means_this_type(case: Case) -> None:
    result = resolve_type(
        TYPES, type_id=case.type_id, category=case.category, child=case.child, strict=case.strict, field=FIELD
    )
    category, child, type_id = case.stored
    assert result == TypeTexts(category=category, child=child, sla_ms=case.sla_ms, type_id=type_id)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.meaning)
def test_a_request_is_refused_with_the_field_and_the_reason(case: Refusal) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolve_type(
            TYPES, type_id=case.type_id, category=case.category, child=case.child, strict=case.strict, field=FIELD
        )
    assert caught.value.field == case.field
    assert case.message in str(caught.value)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("absent", [None, ""])
def test_no_type_at_all_is_left_to_the_caller(absent: str | None, strict: bool) -> None:
    assert resolve_type(TYPES, type_id=absent, category=absent, child=absent, strict=strict, field=FIELD) is None


def test_custom_names_that_repeat_a_built_in_pair_win_when_both_fit_by_name() -> None:
    types = (
        *BUILT_IN,
        custom("c-dns", "DDoS attack", "DNS protocol attacks", category_code="Own", child_code="OwnDns"),
    )
    result = resolve_type(
        types, type_id=None, category="DDoS attack", child="DNS protocol attacks", strict=True, field=FIELD
    )
    assert result == TypeTexts(category="DDoS attack", child="DNS protocol attacks", type_id="c-dns")


@given(row=st.sampled_from(BUILT_IN), data=st.data())
def test_every_name_of_a_built_in_type_means_it_in_any_case(row: ObjectType, data: st.DataObject) -> None:
    def spelling(*names: str | None) -> str | None:
        known = [name for name in names if name is not None]
        if not known:
            return None
        name = data.draw(st.sampled_from(known))
        return data.draw(st.sampled_from([name, name.upper(), name.lower()]))

    category = spelling(row.category_code, row.category, row.category_zh)
    child = spelling(row.sub_category_code, row.sub_category, row.sub_category_zh)
    result = resolve_type(BUILT_IN, type_id=None, category=category, child=child, strict=True, field=FIELD)
    assert result == TypeTexts(category=category, child=child, type_id=row.id)


@given(category=st.text(min_size=1), child=st.text(min_size=1), type_id=st.none() | st.text())
def test_any_pair_of_texts_is_stored_as_sent(category: str, child: str, type_id: str | None) -> None:
    result = resolve_type(BUILT_IN, type_id=type_id, category=category, child=child, strict=False, field=FIELD)
    assert result is not None
    assert (result.category, result.child) == (category, child)


@pytest.mark.parametrize(
    "row", [row for row in BUILT_IN if row.sub_category_code not in {None, "Other"}], ids=lambda row: row.id
)
def test_every_built_in_child_but_other_can_be_named_alone(row: ObjectType) -> None:
    for child in (row.sub_category_code, row.sub_category):
        result = resolve_type(BUILT_IN, type_id=None, category=None, child=child, strict=True, field=FIELD)
        assert result == TypeTexts(category=row.category_code, child=child, type_id=row.id)


@pytest.mark.parametrize(("name", "code", "published_id"), DDOS_ATTACKS)
def test_ddos_attacks_have_their_published_ids(name: str, code: str, published_id: str) -> None:
    row = next(row for row in BUILT_IN if row.id == published_id)
    assert (row.category, row.category_code) == ("DDoS attack", "DDoS")
    assert (row.sub_category, row.sub_category_code, row.level) == (name, code, 2)


@pytest.mark.parametrize(
    ("category", "child", "type_id"), [("Malware", "Rootkit", ROOTKIT), ("Web Attack", "Black IP", BLACK_IP)]
)
def test_types_seen_with_their_id_have_it(category: str, child: str, type_id: str) -> None:
    row = next(row for row in BUILT_IN if row.id == type_id)
    assert (row.category_code, row.sub_category_code) == (category, child)


def test_built_in_ids_are_unique_lower_case_md5() -> None:
    ids = [row.id for row in BUILT_IN]
    assert len(set(ids)) == len(ids)
    assert all(len(type_id) == 32 and set(type_id) <= set("0123456789abcdef") for type_id in ids)


def test_built_in_ids_follow_from_the_codes() -> None:
    for row in BUILT_IN:
        text = row.sub_category_code or row.category_code
        assert row.id == md5(f"{row.category_code}/Other" if row.sub_category_code == "Other" else text)


def test_no_built_in_name_or_code_is_empty_or_outside_the_published_size() -> None:
    for row in BUILT_IN:
        names = [row.category, row.category_code]
        if row.level == 2:
            assert row.sub_category is not None
            assert row.sub_category_code is not None
            names += [row.sub_category, row.sub_category_code]
        else:
            assert (row.sub_category, row.sub_category_code, row.sub_category_zh) == (None, None, None)
        assert all(2 <= len(name) <= 64 and name == name.strip() for name in names)
        assert row.enabled
        assert row.is_built_in


def test_every_built_in_parent_is_one_row_before_its_children_with_one_other() -> None:
    codes = [row.category_code.casefold() for row in BUILT_IN if row.level == 1]
    assert len(set(codes)) == len(codes)
    seen: set[str] = set()
    for row in BUILT_IN:
        if row.level == 1:
            seen.add(row.category_code)
        assert row.category_code in seen
    others = [row.category_code.casefold() for row in BUILT_IN if row.sub_category_code == "Other"]
    assert others == codes


@pytest.mark.parametrize(
    "category",
    ["Malware", "Brute-force Cracking", "Vulnerability Exploit", "Command and Control", "Reconnaissance",
     "Abnormal Network Behavior", "Abnormal System Behavior", "Abnormal User Behavior", "Data Leakage", "DDoS attack",
     "Policy Violation", "Compliance", "Availability", "Other"],
)  # fmt: skip
def test_every_category_of_the_alert_sources_has_an_other(category: str) -> None:
    result = resolve_type(BUILT_IN, type_id=None, category=category, child="Other", strict=True, field=FIELD)
    assert result is not None
    assert result.type_id is not None
