"""The words by which mail programs, in many languages, announce, title and label the mails that they quote.

Each is a piece of a regular expression.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "ANSWERED_TITLES",
    "CLOSINGS",
    "DEVICES",
    "FORWARDED_TITLES",
    "LABELS",
    "MY",
    "SENT",
    "SENT_FROM",
    "SENT_LINES",
    "STARTERS",
    "VERBS",
    "Label",
]

# fmt: off
STARTERS = (
    "On", "At", "In message", "In article", "Am", "Le", "El", "Il", "In data", "Op", "Em", "A", "No dia", "Den",
    "Dnia", "W dniu", "Dne", "Dňa", "Dana", "Pe", "På", "Kl", "La data de", "Việt", "Vào", "Pada", "在", "於", "于",
    "В", "На", "Στις", "בתאריך", "في", "Saat", "Tarih",
)
"""How "On Monday, ... wrote:" begins."""
VERBS = (
    "wrote", "writes", "said", "says", "schrieb(?:en(?: Sie)?)?", "geschrieben", r"a \u00e9crit", r"\u00e9crit",
    "nous a dit", r"escribi\u00f3", "ha escrito", "va escriure", "escribiu", "ha scritto", "scritto", "schreef",
    "geschreven", "escreveu", "skrev", r"skrifa\u00f0i", r"napisa\u0142(?:a|\(a\))?", "pisze",
    r"nades\u0142a\u0142", r"napsal(?:a|\(a\))?", r"nap\u00edsal(?:a|\(a\))?", r"p\u00ed\u0161e", "kirjoitti",
    r"\u00edrta", "a scris", "napisao", "napisala", "je pisal", "kirjutas", r"rakst\u012bja", r"ra\u0161\u0117",
    r"yazd\u0131", "menulis", r"\u0111\u00e3 vi\u1ebft",
    r"\u043d\u0430\u043f\u0438\u0441\u0430\u043b(?:\u0430|\(\u0430\)|\(-\u0430\))?",
    r"\u043f\u0438\u0448\u0435(?:\u0442)?", r"\u043f\u0438\u0441\u0430\u043b(?:\u0430|\(\u0430\))?",
    r"\u043d\u0430\u043f\u0438\u0441\u0430\u0432", r"\u043d\u0430\u043f\u0438\u0441\u0430",
    r"\u03ad\u03b3\u03c1\u03b1\u03c8\u03b5", r"\u05db\u05ea\u05d1(?:\u05d4|/\u05d4)?", r"\u0643\u062a\u0628",
)
"""How it ends."""
ANSWERED_TITLES = (
    "original message", "original appointment", "reply message", "ursprüngliche nachricht", "originalnachricht",
    "message d'origine", "message d’origine", "message original", "mensaje original", "mensagem original",
    "messaggio originale", "oorspronkelijk bericht", "originele bericht", "oprindelig meddelelse",
    "oprindelig besked", "originalmeddelande", "ursprungligt meddelande", "opprinnelig melding",
    "alkuperäinen viesti", "oryginalna wiadomość", "wiadomość oryginalna", "původní zpráva", "pôvodná správa",
    "eredeti üzenet", "mesaj original", "orijinal mesaj", "izvorna poruka", "исходное сообщение",
    "первичное сообщение", "原始邮件", "原始郵件", "原邮件", "元のメッセージ", "원본 메시지", "원본 메일",
)
FORWARDED_TITLES = (
    "forwarded message", "begin forwarded message", "start of forwarded message", "weitergeleitete nachricht",
    "anfang der weitergeleiteten", "message transféré", "début du message (?:transféré|réexpédié)",
    "message réexpédié", "mensaje reenviado", "inicio del mensaje reenviado",
    "mensagem (?:encaminhada|reencaminhada)", "início da mensagem", "messaggio inoltrato",
    "inizio messaggio inoltrato", "doorgestuurd bericht", "begin doorgestuurd bericht", "vidarebefordrat",
    "videresendt", "välitetty viesti", "przekazana wiadomość", "wiadomość przekazana", "přeposlaná zpráva",
    "továbbított", "yönlendirilen", "iletilen", "пересылаемое", "пересланное", "转发邮件", "轉寄郵件",
    "転送メッセージ", "전달된",
)
Label = Literal["from", "sent", "date", "to", "copy", "reply", "subject"]
LABELS: dict[Label, tuple[str, ...]] = {
    "from": (
        "From", "Von", "De", "Da", "Van", "Fra", "Från", "Od", "Lähettäjä", "Feladó", "Kimden", "Expéditeur",
        "Afzender", "De la", "Mittente", "Remitente", "От", "От кого", "Від", "Από", "发件人", "寄件者",
        "差出人", "보낸 ?사람",
        "מאת", "من",
    ),
    "sent": (
        "Sent", "Gesendet", "Envoyé", "Enviado(?: el| em)?", "Enviada(?: em)?", "Inviato", "Verzonden", "Sendt",
        "Skickat", "Lähetetty", "Wysłano", "Odesláno", "Odoslané", "Elküldve", "Gönderildi", "Gönderme Tarihi",
        "Trimis", "Отправлено", "Надіслано", "Στάλθηκε", "发送时间", "寄件日期", "送信日時", "보낸 ?날짜", "נשלח",
    ),
    "date": (
        "Date", "Datum", "Fecha", "Data", "Dato", "Päiväys", "Päivämäärä", "Dátum", "Tarih", "Дата", "Ημερομηνία",
        "日期", "日付", "日時", "날짜", "תאריך",
    ),
    "to": (
        "To", "An", "À", "A", "Pour", "Para", "Aan", "Til", "Till", "Vastaanottaja", "Do", "Komu", "Címzett",
        "Kime", "Către", "Destinataire", "Destinatario", "Кому", "Προς", "收件人", "收件者", "宛先",
        "받는 ?사람", "אל", "إلى",
    ),
    "copy": (
        "Cc", "Bcc", "Kopie", "Kopia", "Kopi", "DW", "Copia", "Copie", "Копия", "抄送", "副本", "참조",
    ),
    "reply": (
        "Reply-To", "Antwort an", "Répondre à", "Responder a", "Risposta", "Rispondi a", "Beantwoorden - Aan",
        "Svar til", "Svara till",
    ),
    "subject": (
        "Subject", "Betreff", "Objet", "Asunto", "Assunto", "Oggetto", "Onderwerp", "Emne", "Ämne", "Aihe", "Temat",
        "Předmět", "Predmet", "Tárgy", "Konu", "Subiect", "Тема", "Θέμα", "主题", "主旨", "件名", "제목",
        "נושא", "الموضوع",
    ),
}
DEVICES = (
    "i ?(?:Phone|Pad|Pod|OS)", "Android", "BlackBerry", "Samsung", "Galaxy", "Huawei", "Xiaomi", "Redmi", "OnePlus",
    "Pixel", "Nokia", "Sony", "Xperia", "HTC", "LG", "Motorola", "Windows", "mobile", r"Mobil\w{0,20}", "phone",
    "cell", "Handy", "Smartphone", "Tablet", "Telefon", r"t\u00e9l\u00e9phone", r"m\u00f3vil", "celular",
    "cellulare", "telefono", "telefoon", "mobiel", "telefonu", "Outlook", "Mail", "Yahoo", "Gmail", "Mailbox",
    "Airmail", "Proton ?Mail", "Spark", "Thunderbird", "K-9", "TI-85", "Alcatel", "BB",
)
"""What "Sent from my ..." names."""
CLOSINGS = (
    "(?:best|kind|kindest|warm|many|with kind)? ?(?:regards|wishes)", "sincerely", "yours(?: truly| sincerely)?",
    "yours faithfully", "cheers", "thanks", "many thanks", "thank you", "thanks in advance",
    r"mit (?:freundlichen|besten|lieben) gr\u00fc(?:\u00df|ss)en",
    r"(?:freundliche|viele|liebe|beste|sch\u00f6ne) gr\u00fc(?:\u00df|ss)e", r"gru\u00df", "lg", "mfg", "vg",
    "(?:bien )?cordialement", r"bien \u00e0 vous", r"salutations(?: distingu\u00e9es)?", "saludos(?: cordiales)?",
    "un saludo", "cordiali saluti", "distinti saluti", "grazie", "gracias", "merci", "danke", "obrigad[oa]",
    "atentamente", "atenciosamente", "cumprimentos", "met vriendelijke groet(?:en)?", "mvg",
    r"med v\u00e4nliga? h\u00e4lsning(?:ar)?", r"v\u00e4nliga h\u00e4lsningar", "med venlig hilsen",
    "venlig hilsen", "vennlig hilsen", "mvh", r"yst\u00e4v\u00e4llisin terveisin", "pozdrawiam",
    r"z powa\u017caniem", "s pozdravem", r"\u00fcdv\u00f6zlettel", r"sayg\u0131lar\u0131mla",
    r"\u0441 \u0443\u0432\u0430\u0436\u0435\u043d\u0438\u0435\u043c",
)
"""How letters close."""
SENT = (
    "Sent", "Get", "Gesendet", "Envoyé", "Enviado", "Inviato", "Verzonden", "Verstuurd", "Sendt", "Skickat", "Hent",
    "Wysłano", "Odesláno", "Télécharger", "Obtener", "Obter", "Ottieni", "Lähetetty",
)
"""How "Sent from my ..." begins."""
SENT_FROM = (
    "from", "via", "with", "using", "Outlook for", "Outlook", "von", "mit", "de", "depuis", "à partir de", "desde",
    "do", "da", "dal", "vanaf", "met", "fra", "från", "z", "ze", "para", "pour", "til", "per",
)
MY = (
    "my", "meinem", "meiner", "mon", "ma", "mi", "meu", "mio", "mijn", "min", "mého", "mojego", "må",
)
SENT_LINES = (
    "从我的.{1,20}发送", "從我的.{1,20}傳送", "iPhoneから送信", "나의 .{1,20}에서 보냄", "Отправлено с .{1,40}",
    "(?:Get|Hol|Download) Outlook (?:for|für) .{1,30}",
)
"""Whole lines of that kind."""
# fmt: on
