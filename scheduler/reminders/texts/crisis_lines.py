"""Telephone lines for people who think of suicide, by country. Pure.

Only lines that answer at all hours and cost nothing. A clinic in another country gives its
emergency number. Check the sources once a year.
"""

from collections.abc import Mapping
from types import MappingProxyType

CRISIS_LINES: Mapping[str, str] = MappingProxyType(
    {
        "US": "988",  # 988 Suicide & Crisis Lifeline, 988lifeline.org; in Spanish too
        "PR": "988",
        "VI": "988",
        "GU": "988",
        "CA": "988",  # 9-8-8 Suicide Crisis Helpline, 988.ca
        "GB": "116 123",  # Samaritans, samaritans.org
        "IE": "116 123",  # Samaritans Ireland, samaritans.org
        "AU": "13 11 14",  # Lifeline, lifeline.org.au
        "NZ": "1737",  # Need to talk?, 1737.org.nz
        "ES": "024",  # Línea 024, Ministerio de Sanidad, sanidad.gob.es
        "MX": "800 911 2000",  # Línea de la Vida, gob.mx/salud
        "FR": "3114",  # Numéro national de prévention du suicide, 3114.fr
        "DE": "0800 111 0 111",  # TelefonSeelsorge, telefonseelsorge.de
        "AT": "142",  # Telefonseelsorge, telefonseelsorge.at
        "CH": "143",  # Die Dargebotene Hand, 143.ch
    }
)


def crisis_line(country: str) -> str:
    """The line of a country by its two-letter code; empty if none is known."""
    return CRISIS_LINES.get(country.upper(), "")
