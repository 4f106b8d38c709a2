"""A language is named where there is enough text to tell it."""

from __future__ import annotations

import pytest

from aiops_flows.texts.language import languages

SAID = {
    "en": "My parcel has not arrived and nobody answers the phone.",
    "de": "Mein Paket ist nicht angekommen und niemand geht ans Telefon.",
    "fr": "Mon colis n'est pas arrivé et personne ne répond au téléphone.",
    "es": "Mi paquete no ha llegado y nadie contesta al teléfono.",
    "it": "Il mio pacco non è arrivato e nessuno risponde al telefono.",
    "nl": "Mijn pakket is niet aangekomen en niemand neemt de telefoon op.",
    "pt": "A minha encomenda não chegou e ninguém atende o telefone.",
    "pl": "Moja paczka nie dotarła i nikt nie odbiera telefonu.",
    "ru": "Моя посылка не пришла, и никто не отвечает на звонки.",
    "zh": "我的包裹还没有到也没有人接电话。",
    "ja": "荷物が届いていません。電話にも誰も出ません。",
    "ar": "لم يصل طردي ولا أحد يرد على الهاتف.",
    "he": "החבילה שלי לא הגיעה ואף אחד לא עונה לטלפון.",
}


def test_languages_are_told_apart() -> None:
    """The same complaint in thirteen languages, and in capitals."""
    assert languages(list(SAID.values())) == list(SAID)
    assert languages([SAID["en"].upper()]) == ["en"]


@pytest.mark.parametrize(
    "text", ["", "ok", "12345 67890 12345 67890", "<EMAIL> <PHONE> <HANDLE> <ID>", "👩‍🚀" * 20, "\udcff" * 40]
)
def test_too_little_text_has_no_known_language(text: str) -> None:
    """Numbers, masks and emoji are in no language."""
    assert languages([text]) == ["und"]


def test_masks_and_links_do_not_count() -> None:
    """A short complaint keeps its language beside a long link."""
    link = "https://www.example.com/deutsche/seite/mit/vielen/worten/und/noch/mehr"
    assert languages([f"{link} <EMAIL> {SAID['fr']}"]) == ["fr"]


def test_no_texts_have_no_languages() -> None:
    """An empty batch is answered."""
    assert languages([]) == []
