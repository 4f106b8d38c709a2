"""What mail programs of many languages quote goes; what a customer writes at the same places stays."""

from __future__ import annotations

import pytest

from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.html_text import html_lines

OLD = "The old mail of the desk."
AT = "desk@example.org"

ANNOUNCED = [
    f"On Mon, Jan 5, 2026 at 10:00 AM Desk <{AT}> wrote:",
    f"On Mon, Jan 5, 2026 at 10:00 AM Desk of the Long Name\n<{AT}> wrote:",
    f"On Mon, Jan 5, 2026 at 10:00 AM, Desk of the Long Name <\n{AT}>\nwrote:",
    "On Monday, January 5, 2026, Desk wrote:",
    f"On 5 Jan 2026, at 10:00, Desk <{AT}> wrote",
    f"---- On Mon, 05 Jan 2026 10:00:00 +0100 Desk <{AT}> wrote ----",
    f"Desk <{AT}> wrote on 5 January 2026 at 10:00:",
    f"Le lun. 5 janv. 2026 à 10:00, Desk <{AT}> a écrit\u00a0:",
    f"Le lundi 5 janvier 2026 à 10:00, Desk\n<{AT}>\na écrit :",
    f"Am 05.01.2026 um 10:00 schrieb Desk <{AT}>:",
    f"Am Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Desk <\n{AT}>:",
    f"Desk <{AT}> schrieb am Mo., 5. Jan. 2026\num 10:00 Uhr:",
    f"El lun, 5 ene 2026 a las 10:00, Desk (<{AT}>) escribió:",
    "El lunes, 5 de enero de 2026, Desk escribió:",
    f"Il giorno lun 5 gen 2026 alle ore 10:00 Desk <{AT}> ha\nscritto:",
    f"Op ma 5 jan. 2026 om 10:00 schreef Desk <{AT}>:",
    f"Op 5 jan. 2026 om 10:00 heeft Desk <{AT}> het volgende geschreven:",
    f"Em seg., 5 de jan. de 2026 às 10:00, Desk <{AT}>\nescreveu:",
    f"Den mån 5 jan. 2026 kl 10:00 skrev Desk <{AT}>:",
    f"man. 5. jan. 2026 kl. 10.00 skrev Desk <{AT}>:",
    f"ma 5. tammik. 2026 klo 10.00 Desk ({AT}) kirjoitti:",
    f"W dniu 5.01.2026 o 10:00, Desk <{AT}> pisze:",
    f"pon., 5 sty 2026 o 10:00 Desk <{AT}> napisał(a):",
    f"po 5. 1. 2026 v 10:00 odesílatel Desk <{AT}>\nnapsal:",
    f"Desk <{AT}> ezt írta (időpont: 2026. jan. 5., H, 10:00):",
    f"În lun., 5 ian. 2026 la 10:00, Desk <{AT}> a scris:",
    f"пн, 5 янв. 2026 г. в 10:00, Desk <{AT}>:",
    f"5 января 2026 г., 10:00, Desk <{AT}> написал(а):",
    f"Desk <{AT}>, 5 Oca 2026 Pzt, 10:00 tarihinde şunu yazdı:",
    f"Στις Δευ, 5 Ιαν 2026 στις 10:00 π.μ., ο χρήστης Desk <{AT}> έγραψε:",
    f"Desk <{AT}> 于2026年1月5日周一 10:00写道：",
    f"在 2026年1月5日，10:00，Desk <{AT}> 写道：",
    f"2026年1月5日(月) 10:00 Desk <{AT}>:",
    f"2026/01/05 10:00、Desk <{AT}>のメッセージ:",
    f"2026년 1월 5일 (월) 오전 10:00, Desk <{AT}>님이 작성:",
    f"2026-01-05 10:00 GMT+01:00 Desk <{AT}>:",
    "Vào Th 2, 5 thg 1, 2026 vào lúc 10:00 Desk <desk@example.org> đã viết:",
]
BLOCKS = [
    f"From: Desk <{AT}>\nSent: Monday, January 5, 2026 10:00 AM\nTo: Customer\nSubject: RE: Lamp",
    f"*From:* Desk\n*Sent:* Monday\n*To:* {AT}\n*Subject:* Lamp",
    f"From: Desk <{AT}>\nReply-To: Desk <r@example.org>\nDate: Monday\nTo: Customer",
    f"Von: Desk <{AT}>\nGesendet: Montag, 5. Januar 2026 10:00\nAn: Kunde\nBetreff: AW: Lampe",
    f"De : Desk <{AT}>\nEnvoyé : lundi 5 janvier 2026 10:00\nÀ : Client\nObjet : RE: Lampe",
    f"De: Desk <{AT}>\nEnviado: lunes, 5 de enero de 2026 10:00\nPara: Cliente\nAsunto: RE: Lámpara",
    f"Da: Desk <{AT}>\nInviato: lunedì 5 gennaio 2026 10:00\nA: Cliente\nOggetto: R: Lampada",
    f"Van: Desk <{AT}>\nVerzonden: maandag 5 januari 2026\nAan: Klant",
    f"Från: Desk <{AT}>\nSkickat: den 5 januari 2026 10:00\nTill: Kund\nÄmne: SV: Lampa",
    f"Fra: Desk <{AT}>\nSendt: 5. januar 2026 10:00\nTil: Kunde\nEmne: SV: Lampe",
    f"Od: Desk <{AT}>\nWysłano: 5 stycznia 2026 10:00\nDo: Klient\nTemat: Odp: Lampa",
    f"Od: Desk <{AT}>\nOdesláno: 5. ledna 2026 10:00\nKomu: Zákazník\nPředmět: Re: Lampa",
    f"От: Desk <{AT}>\nОтправлено: 5 января 2026 г. 10:00\nКому: Клиент\nТема: Re: Лампа",
    f"发件人: Desk <{AT}>\n发送时间: 2026年1月5日 10:00\n收件人: 客户\n主题: 回复: 灯",
    f"差出人: Desk <{AT}>\n送信日時: 2026年1月5日 10:00\n宛先: お客様\n件名: Re: ランプ",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-------- Message d'origine --------",
    "------------------ 原始邮件 ------------------",
    f"________________________________\nFrom: Desk <{AT}>\nSent: Monday",
    f"---\nFrom: Desk <{AT}>\nTo: Customer\nSubject: Lamp",
]


@pytest.mark.parametrize("announced", [*ANNOUNCED, *BLOCKS], ids=ascii)
def test_a_quoted_mail_goes_in_whatever_language(announced: str) -> None:
    """The lines that mail programs write before it, wrapped or not, and all that follows them."""
    assert cleaned(f"My answer.\n\n{announced}\n\n{OLD}").removesuffix(" ---") == "My answer."


@pytest.mark.parametrize("announced", ANNOUNCED, ids=ascii)
def test_an_answer_below_a_quotation_stays(announced: str) -> None:
    """Where quoted lines follow, only they and their announcement go."""
    assert cleaned(f"Hello.\n\n{announced}\n> {OLD}\n\nMy answer.") == "Hello. My answer."


@pytest.mark.parametrize(
    "written",
    [
        "Travel booked.\nFrom: Berlin\nTo: Paris\nPlease change the date to 5 May.",
        "Travel booked.\nFrom: Berlin\nTo: Paris\nDate: 5 May 2026\nPlease change it.",
        "Please book:\nVon: Berlin\nAn: Paris\nDatum: 5.5.2026\nDanke für die Hilfe damit.",
        "Item 1 broken\n--\nItem 2 also broken, refund both",
        "one\n-- \ntwo\n-- \nthree",
        "Name: Somebody\n____________________\nMy complaint: the lamp is broken",
        "See below\n--------------------\nThe lamp is broken\n--------------------\nThe chair too",
        "Thanks for the call.\nOn the invoice you wrote:\n80 EUR, but I paid 90.",
        "On 3 May you wrote:\nthat it is lost. It is not.",
        "Your agent said:\nwait a week. I waited two.",
        "He wrote:\n\nyou get your money back. Where is it?",
        "It came from:\nFrom: the shop in town\nand was broken.",
        "Sent from my old address last week.\nIt never arrived.",
        "It was broken.\nSent from my desk, is much easier than my mobile phone.",
        "Thanks\nPS: please also refund the shipping",
        "Hello\nthanks\nwhy does it cost 80 EUR now?",
        "Broken parcels weigh\n> 5 kg\nand I want my money.",
        "Total:\n>= 3 lamps are broken.",
        "My lamp, ordered at 10:00 on 5 May 2026:\nis broken.",
        "Le montant que vous avez écrit :\n80 EUR est faux.",
        "I paid to: shop@example.org\nDate: 5 May 2026\nAmount: 80 EUR",
        "Update on 5 Jan 2026 10:00 <urgent>\nthe lamp is still broken.",
    ],
    ids=ascii,
)
def test_in_doubt_the_words_of_the_customer_stay(written: str) -> None:
    """Lines of forms, lists and letters that look like those of mail programs cut nothing off."""
    assert cleaned(written) == " ".join(written.split())


@pytest.mark.parametrize(
    "forwarded",
    [
        "---------- Forwarded message ---------\nFrom: Shop <shop@example.org>\nSubject: Bill\n\n",
        "Begin forwarded message:\n\n> From: Shop <shop@example.org>\n> Subject: Bill\n\n> ",
        "-------- Weitergeleitete Nachricht --------\nVon: Shop <shop@example.org>\nBetreff: Rechnung\n\n",
        "---------- Mensaje reenviado ---------\nDe: Shop <shop@example.org>\n\n",
    ],
)
def test_a_mail_that_is_passed_on_stays(forwarded: str) -> None:
    """It is what the customer wants to show; nobody of this desk wrote it."""
    assert cleaned(f"Please look at this.\n\n{forwarded}The bill is wrong.").endswith("The bill is wrong.")


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone", "Get Outlook for iOS<https://aka.ms/x>", "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone", "Enviado desde mi iPhone", "Inviato da iPhone", "Verstuurd vanaf mijn iPad",
        "Sendt fra min iPad", "Skickat från min iPhone", "Sent from Yahoo Mail on Android", "Wysłano z iPhone",
    ],
)  # fmt: skip
def test_a_line_of_a_telephone_goes_alone(line: str) -> None:
    """It is nobody's word, and what stands below it stays."""
    assert cleaned(f"It is broken.\n\n{line}\n\nPlease help.") == "It is broken. Please help."


def test_history_at_the_top_hides_nothing_below() -> None:
    """Where nothing stands before it, what follows may be an answer: it stays."""
    assert cleaned(f"On Mon, Jan 5, 2026 at 10:00 AM Desk <{AT}> wrote:\n\nMy answer.") == "My answer."


OUTLOOK = (
    "<p class=MsoNormal>My answer.<o:p></o:p></p><p><b>From:</b> Desk <br><b>Sent:</b> Monday<br>"
    f"<b>Subject:</b> RE: x<o:p></o:p></p><p>{OLD}<o:p></o:p></p>"
)
OUTLOOK_ON_THE_WEB = f"<div>My answer.</div><div id='divRplyFwdMsg'><b>Lähettäjä:</b> x</div><div>{OLD}</div>"
OUTLOOK_RULE = (
    '<p>My answer.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">'
    f"<p><b>Feladó:</b> x</p></div><p>{OLD}</p>"
)
GMAIL = (
    '<div>My answer.</div><div class="gmail_quote"><div class="gmail_attr">On Mon, Jan 5, 2026 at 10:00 AM Desk '
    f'&lt;<a href="mailto:{AT}">{AT}</a>&gt; wrote:<br></div><blockquote class="gmail_quote">{OLD}</blockquote></div>'
)
THUNDERBIRD = (
    'My answer.<br><div class="moz-cite-prefix">Am 05.01.2026 um 10:00 schrieb Desk:<br></div>'
    f'<blockquote type="cite">{OLD}</blockquote>'
)
YAHOO = f'<p>My answer.</p><div class="yahoo_quoted"><div>On Monday Desk wrote:</div><div>{OLD}</div></div>'


@pytest.mark.parametrize("page", [OUTLOOK, OUTLOOK_ON_THE_WEB, OUTLOOK_RULE, GMAIL, THUNDERBIRD, YAHOO])
def test_a_quoted_mail_goes_from_html(page: str) -> None:
    """As it comes in by mail: by the structure that mail programs give it, and by the lines that it becomes."""
    assert cleaned(html_lines(page)) == "My answer."


def test_quoted_html_in_a_column_goes_by_its_lines() -> None:
    """A text that is HTML, without a mail around it."""
    assert cleaned(OUTLOOK) == "My answer."


def test_indented_html_is_the_writers_own() -> None:
    """Mail programs indent with the element that quotes, without its border."""
    page = '<p>My list:</p><blockquote style="margin:0 0 0 40px;border:none;padding:0px">two lamps</blockquote>'
    assert cleaned(html_lines(page)) == "My list: two lamps"
