"""What the mock says, in every language that it speaks."""

# ruff: noqa: RUF001 - these are texts in other scripts

from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_router.core.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """One language's sentences; each says that it is a mock, or stands beside one that does.

    Attributes:
        label: For a string in JSON: a few words that say what it is.
        opening: The first sentence of a text; it says what it is.
        middle: Sentences that may follow in any order.
        closing: The last sentence.
        gap: What stands between two sentences.
    """

    label: str
    opening: str
    middle: tuple[str, ...]
    closing: str
    gap: str = " "


PHRASES: Mapping[Language, Phrases] = {
    Language.ENGLISH: Phrases(
        label="Mock answer",
        opening="This is a mock answer: no model could answer just now.",
        middle=(
            "Nobody has thought about your question.",
            "This text only stands where the answer would be.",
            "Nothing in it is a fact about your subject.",
            "It was written in advance, so that your program can go on.",
        ),
        closing="Please ask again a little later.",
    ),
    Language.GERMAN: Phrases(
        label="Mock-Antwort",
        opening="Dies ist eine Mock-Antwort: Kein Modell konnte antworten.",  # codespell:ignore
        middle=(
            "Niemand hat über Ihre Frage nachgedacht.",
            "Dieser Text steht nur an der Stelle der Antwort.",
            "Nichts darin ist eine Aussage über Ihr Thema.",  # codespell:ignore
            "Er wurde vorab verfasst, damit Ihr Programm weiterläuft.",  # codespell:ignore
        ),
        closing="Bitte fragen Sie etwas später noch einmal.",  # codespell:ignore
    ),
    Language.FRENCH: Phrases(
        label="Réponse factice (mock)",
        opening="Ceci est une réponse factice (mock) : aucun modèle n'a pu répondre.",
        middle=(
            "Personne n'a réfléchi à votre question.",
            "Ce texte tient seulement la place de la réponse.",
            "Rien de ce qu'il dit ne porte sur votre sujet.",
            "Il a été écrit à l'avance pour que votre programme puisse continuer.",
        ),
        closing="Veuillez reposer la question un peu plus tard.",
    ),
    Language.SPANISH: Phrases(
        label="Respuesta simulada (mock)",
        opening="Esta es una respuesta simulada (mock): ningún modelo ha podido responder.",
        middle=(
            "Nadie ha pensado en su pregunta.",
            "Este texto solo ocupa el lugar de la respuesta.",
            "Nada de lo que dice trata de su tema.",
            "Se escribió de antemano para que su programa pueda continuar.",
        ),
        closing="Vuelva a preguntar un poco más tarde, por favor.",
    ),
    Language.ITALIAN: Phrases(
        label="Risposta fittizia (mock)",
        opening="Questa è una risposta fittizia (mock): nessun modello ha potuto rispondere.",
        middle=(
            "Nessuno ha riflettuto sulla sua domanda.",
            "Questo testo occupa soltanto il posto della risposta.",
            "Nulla di ciò che dice riguarda il suo argomento.",
            "È stato scritto in anticipo perché il suo programma possa proseguire.",
        ),
        closing="Riprovi tra poco, per favore.",
    ),
    Language.PORTUGUESE: Phrases(
        label="Resposta simulada (mock)",
        opening="Esta é uma resposta simulada (mock): nenhum modelo conseguiu responder.",
        middle=(
            "Ninguém pensou na sua pergunta.",
            "Este texto apenas ocupa o lugar da resposta.",
            "Nada do que ele diz trata do seu assunto.",
            "Foi escrito com antecedência para que o seu programa possa continuar.",
        ),
        closing="Pergunte de novo um pouco mais tarde, por favor.",
    ),
    Language.DUTCH: Phrases(
        label="Mock-antwoord",
        opening="Dit is een mock-antwoord: op dit moment kon geen enkel model antwoorden.",
        middle=(
            "Niemand heeft over uw vraag nagedacht.",
            "Deze tekst staat alleen op de plaats van het antwoord.",  # codespell:ignore
            "Niets erin gaat over uw onderwerp.",
            "Hij is vooraf geschreven, zodat uw programma verder kan.",
        ),
        closing="Stel uw vraag later nog een keer.",
    ),
    Language.RUSSIAN: Phrases(
        label="Ответ-заглушка (mock)",
        opening="Это ответ-заглушка (mock): сейчас ни одна модель не смогла ответить.",
        middle=(
            "Никто не думал над вашим вопросом.",
            "Этот текст лишь стоит на месте ответа.",
            "Ничто в нём не относится к вашей теме.",
            "Он написан заранее, чтобы ваша программа могла продолжать работу.",
        ),
        closing="Пожалуйста, спросите ещё раз немного позже.",
    ),
    Language.GREEK: Phrases(
        label="Εικονική απάντηση (mock)",
        opening="Αυτή είναι μια εικονική απάντηση (mock): κανένα μοντέλο δεν μπόρεσε να απαντήσει.",
        middle=(
            "Κανείς δεν σκέφτηκε την ερώτησή σας.",
            "Αυτό το κείμενο απλώς κρατά τη θέση της απάντησης.",
            "Τίποτα σε αυτό δεν αφορά το θέμα σας.",
            "Γράφτηκε εκ των προτέρων, ώστε το πρόγραμμά σας να μπορεί να συνεχίσει.",
        ),
        closing="Παρακαλώ ρωτήστε ξανά λίγο αργότερα.",
    ),
    Language.ARABIC: Phrases(
        label="إجابة وهمية (mock)",
        opening="هذه إجابة وهمية (mock): لم يتمكن أي نموذج من الإجابة الآن.",
        middle=(
            "لم يفكر أحد في سؤالك.",
            "هذا النص يشغل مكان الإجابة فقط.",
            "لا شيء فيه يتعلق بموضوعك.",
            "كُتب مسبقًا كي يتمكن برنامجك من المتابعة.",
        ),
        closing="يرجى إعادة السؤال بعد قليل.",
    ),
    Language.HEBREW: Phrases(
        label="תשובת דמה (mock)",
        opening="זוהי תשובת דמה (mock): אף מודל לא הצליח לענות כרגע.",
        middle=(
            "איש לא חשב על השאלה שלך.",
            "הטקסט הזה רק תופס את מקומה של התשובה.",
            "שום דבר בו אינו נוגע לנושא שלך.",
            "הוא נכתב מראש כדי שהתוכנית שלך תוכל להמשיך.",
        ),
        closing="נא לשאול שוב מעט מאוחר יותר.",
    ),
    Language.CHINESE: Phrases(
        label="模拟回答（mock）",
        opening="这是一个模拟回答（mock）：目前没有任何模型能够作答。",
        middle=(
            "没有谁思考过您的问题。",
            "这段文字只是占据回答的位置。",
            "其中没有任何内容与您的主题有关。",
            "它是事先写好的，以便您的程序能够继续运行。",
        ),
        closing="请稍后再问一次。",
        gap="",
    ),
    Language.JAPANESE: Phrases(
        label="モック回答（mock）",
        opening="これはモック回答（mock）です：現在、どのモデルも回答できませんでした。",
        middle=(
            "ご質問については誰も考えていません。",
            "この文章は回答の代わりに置かれているだけです。",
            "ご質問の主題に関する内容は含まれていません。",
            "プログラムが処理を続けられるように、あらかじめ書かれたものです。",
        ),
        closing="しばらくしてからもう一度お尋ねください。",
        gap="",
    ),
    Language.KOREAN: Phrases(
        label="모의 답변(mock)",
        opening="이것은 모의 답변(mock)입니다: 지금은 어떤 모델도 답할 수 없었습니다.",
        middle=(
            "아무도 질문에 대해 생각하지 않았습니다.",
            "이 글은 답변의 자리를 채울 뿐입니다.",
            "질문하신 주제에 관한 내용은 전혀 없습니다.",
            "프로그램이 계속 실행될 수 있도록 미리 작성된 글입니다.",
        ),
        closing="잠시 후 다시 질문해 주십시오.",
    ),
    Language.HINDI: Phrases(
        label="नकली उत्तर (mock)",
        opening="यह एक नकली उत्तर (mock) है: इस समय कोई भी मॉडल उत्तर नहीं दे सका।",
        middle=(
            "आपके प्रश्न पर किसी ने विचार नहीं किया है।",
            "यह पाठ केवल उत्तर की जगह पर रखा गया है।",
            "इसमें आपके विषय के बारे में कुछ भी नहीं है।",
            "इसे पहले से लिखा गया था ताकि आपका प्रोग्राम आगे बढ़ सके।",
        ),
        closing="कृपया थोड़ी देर बाद फिर से पूछें।",
    ),
}
