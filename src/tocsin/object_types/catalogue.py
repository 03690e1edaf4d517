"""The built-in types, as far as they are known, with those that our own alert sources need.

Sources: the published alert types of `DDoS attack`, the types seen in samples and in clients (API reference, types),
and the categories that alert sources are mapped to. Every parent also has a child `Other`. Chinese names stand only
where one was seen. A client may use a name or a code, so two spellings of one type are one row, with the one as code
and the other as name: `Brute Force` and `Brute-force Cracking`, `Abnormal System Behavior` and `System behavior
abnormality`.

An id is the MD5, in lower-case hex, of the child code for a child (the vendor's rule, seen on `Rootkit`) and of the
parent code for a parent. `Other` stands under every parent, so its id is the MD5 of "<parent code>/Other", which also
keeps the parent `Other` apart from its child. Any other code stands once in the whole catalogue. Ids depend on nothing
but the codes: a row added later changes none.

Alerts and incidents share the catalogue, ids included; a stored type is keyed by data class and id.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.object_types.records import ObjectType


class _Names(NamedTuple):
    code: str
    # The English name; empty where it equals the code.
    name: str = ""
    chinese: str | None = None


_DDOS_ATTACKS = (
    _Names("Tcp Dns", "DNS protocol attacks", "DNS协议攻击"),
    _Names("Unusual Network Port", "Unusual ports"),
    _Names("Unusual Protocol", "Abnormal protocol attacks"),
    _Names("ACK Flood"),
    _Names("BGP Flood Attack", "BGP flood"),
    _Names("DNS IP TTL Check Fail", "DNS IP TTL"),
    _Names("DNS Reply Flood", "DNS reply flood"),
    _Names("DNS Query Flood", "DNS query flood"),
    _Names("DNS Size Abnormal", "Abnormal DNS size"),
    _Names("DNS Reflection", "DNS reflection"),
    _Names("DNS Reply Domain Flow Abnormal", "Abnormal DNS response flow"),
    _Names("DNS Format Error", "Invalid DNS format"),
    _Names("DNS Cache Match", "DNS cache matching"),
    _Names("DNS Cache Poisoning", "DNS cache poisoning"),
    _Names("DNS Request Domain Flow Abnormal", "Abnormal DNS request flow"),
    _Names("DNS No Such Name", "DNS domain name errors"),
    _Names("FIN/RST Flood"),
    _Names("HTTPS Flood"),
    _Names("HTTP Slow Attack", "HTTP slow attacks"),
    _Names("ICMP Protocol Block", "ICMP blocking"),
    _Names("IP Reputation", "IP reputation"),
    _Names("SIP Flood"),
    _Names("SIP Source Rate Abnormity", "Abnormal SIP source rate"),
    _Names("SYN Flood"),
    _Names("SYN-ACK Flood"),
    _Names("TCP Bandwidth Overflow", "TCP bandwidth overflow"),
    _Names("TCP Connection Flood", "TCP multi-connection attacks"),
    _Names("TCP Fragment Bandwidth Overflow", "TCP fragment bandwidth overflow"),
    _Names("TCP Fragment Flood", "TCP fragment attacks"),
    _Names("TCP Malformed", "Malformed TCP packets"),
)

_CATALOGUE: tuple[tuple[_Names, tuple[_Names, ...]], ...] = (
    (_Names("DDoS", "DDoS attack", "DDoS攻击"), _DDOS_ATTACKS),
    (_Names("Malware"), (_Names("Rootkit"),)),
    (_Names("Web Attack"), (_Names("Black IP"),)),
    (_Names("Brute Force", "Brute-force Cracking"), (_Names("SSH Brute Force"), _Names("RDP Brute Force"))),
    (_Names("Abnormal Network Behavior"), (_Names("Abnormal access frequency of IP address"),)),
    (
        _Names("Abnormal System Behavior", "System behavior abnormality", "系统行为异常"),
        (_Names("File/Directory Change"),),
    ),
    (_Names("Abnormal User Behavior"), ()),
    (_Names("Vulnerability Exploit"), ()),
    (_Names("Command and Control"), ()),
    (_Names("Reconnaissance"), ()),
    (_Names("Data Leakage"), ()),
    (_Names("Policy Violation"), ()),
    (_Names("Compliance"), ()),
    (_Names("Availability"), ()),
    (_Names("Other"), ()),
)

_OTHER = _Names("Other")


def _rows() -> Iterator[ObjectType]:
    for parent, children in _CATALOGUE:
        yield _parent_row(parent)
        for child in children:
            yield _child_row(parent, child, identity=child.code)
        yield _child_row(parent, _OTHER, identity=f"{parent.code}/{_OTHER.code}")


def _parent_row(parent: _Names) -> ObjectType:
    return ObjectType(
        id=_md5(parent.code),
        level=1,
        category=parent.name or parent.code,
        category_code=parent.code,
        category_zh=parent.chinese,
    )


def _child_row(parent: _Names, child: _Names, *, identity: str) -> ObjectType:
    return ObjectType(
        id=_md5(identity),
        level=2,
        category=parent.name or parent.code,
        category_code=parent.code,
        category_zh=parent.chinese,
        sub_category=child.name or child.code,
        sub_category_code=child.code,
        sub_category_zh=child.chinese,
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# Each parent comes before its children.
BUILT_IN: tuple[ObjectType, ...] = tuple(_rows())
