"""Spanish replies. Pure. See the English ones for what is meant by each list."""

from scheduler.reminders.replies.vocabulary.words import Every, Vocabulary

_TEXTS = r"(?:mensajes?|mensajitos|sms|textos?|avisos|recordatorios|notificaciones)"
_PART = r"(?:brazos?|piernas?|manos?|pies?|cara|dedos?|cuello|hombros?|lado|cuerpo)"

SPANISH = Vocabulary(
    polite=frozenset({"por", "favor", "porfa", "porfavor", "gracias", "hola", "buenas", "ahora"}),
    thanks=frozenset({"gracias", "muchas gracias", "mil gracias", "gracias a usted"}),
    confirm=frozenset(
        {
            *("confirmo", "confirmar", "confirmado", "confirmada", "si confirmo", "confirmo si"),
            *("confirmo mi cita", "confirmo la cita", "si c", "c si", "confirmo cita"),
            *("si confirmado", "lo confirmo", "la confirmo", "confirmamos"),
        }
    ),
    agree=frozenset(
        {
            *("si", "si si", "vale", "vale si", "si vale", "ok si", "si ok", "claro", "de acuerdo"),
            *("claro que si", "esta bien", "perfecto", "sip", "por supuesto"),
        }
    ),
    change=frozenset(
        {"cambiar", "cambio", "reprogramar", "cancelar", "anular", "mover", "aplazar"}
    ),
    change_wishes=(
        r"\b(?:cancel|cambi|reprogram|aplaz|pospon|reagend|anul)(?:ar|er|arla|arlo|erla|erlo|o|a|e|en|amos)\b",
        r"\b(?:mover|moverla|mueva|muevan) (?:\w+ ){0,3}(?:cita|sesion|hora|dia)\b",
        r"\bcambio de (?:hora|dia|fecha|cita)\b",
        r"\bno (?:voy a |vamos a )?(?:puedo|podre|podria|podremos|podemos|poder)?(?: \w+)?"
        r" ?(?:ir|venir|asistir|llegar|acudir|presentarme)\b",
        r"\bno (?:ire|asistire|vendre|llego|llegare|voy)\b",
        r"\b(?:otra|otro|diferente|distinta) (?:hora|dia|fecha|cita|sesion)\b",
        r"\b(?:hora|dia|fecha) (?:diferente|distint[oa]|mas (?:tarde|temprano))\b",
    ),
    stop_words=frozenset(
        {"alto", "basta", "parar", "pare", "paren", "baja", "detener", "detengan", "desuscribir"}
    ),
    stop_wishes=(
        r"\bno (?:me )?(?:escrib\w+|mand\w+|envi\w+|contact\w+|molest\w+)\b",
        rf"\bno (?:quiero|deseo|quisiera|necesito) (?:recibir )?(?:mas )?"
        rf"(?:sus |estos |los |sms )*{_TEXTS}\b",
        rf"^(?:por favor )?no (?:recibir )?(?:mas )?{_TEXTS}(?: por favor| gracias)*$",
        rf"\bno mas {_TEXTS}\b",
        rf"\bya no (?:me |quiero )*(?:\w+ )?(?:{_TEXTS}|escrib\w+|mand\w+|envi\w+)\b",
        r"^(?:ya )?no mas$|^ya basta$",
        r"\bdej(?:e|en|a|ar|ad) de (?:\w+ )?(?:escrib|mand|envi|contact|molest)\w*",
        r"\b(?:par(?:e|en|a|ar)|deteng\w+|suspend\w+|cancel\w+|quit\w+) (?:de )?(?:\w+ ){0,3}"
        rf"{_TEXTS}\b",
        r"\bpar(?:e|en) de (?:escrib|mand|envi|contact|molest)\w*",
        r"\b(?:dar|darme|deme|denme|dame|darse|quiero) (?:de )?(?:la )?baja\b",
        r"\b(?:borr\w+|elimin\w+|quit\w+|saqu\w+) (?:me |mi numero|de (?:la|su) lista)",
        r"^(?!.*\b(?:di|puse|escribi|formulario|ficha)\b).*\bnumero equivocado\b",
        r"\bse equivoc\w+ de numero\b",
    ),
    start=frozenset({"empezar", "alta", "iniciar", "reanudar", "comenzar", "activar"}),
    help=frozenset(
        {"ayuda", "informacion", "necesito ayuda", "ayudame", "ayudenme", "mas informacion"}
    ),
    dangers=(
        r"falt\w* (?:de |el |la |me |mucho )*(?:aire|aliento|respiracion)",
        r"(?:no puedo|cuesta|dificultad \w+|problemas? \w+|trabajo|mal|dificil|duele|no logro"
        r"|apenas puedo|no consigo|casi no|no alcanzo a) (?:\w+ )?respir\w+",
        r"recuperar (?:el )?aliento|no respir\w+",
        r"respir\w+ (?:\w+ ){0,3}(?:mal|dificil|dificultad|cuesta|duele)",
        r"respiro (?:muy )?(?:mal|poco)",
        r"(?:no|sin) (?:\w+ ){0,2}(?:aliento|aire)|neumotorax|pulmon colapsado",
        r"ahog\w+|asfixi\w+|(?:dolor|opresion|presion|molestia|pesadez) (?:\w+ ){0,3}pecho"
        r"|(?:duele|aprieta|oprime|arde|molesta) (?:\w+ ){0,2}pecho"
        r"|pecho (?:\w+ ){0,3}(?:duele|aprieta)|dolor toracico|infarto|palpitaciones",
        r"desmay\w+|desmall\w+|desvanec\w+|perd\w+ (?:el )?(?:conocimiento|conciencia|sentido)",
        r"inconsciente|(?:fiebre|fievre|calentura|calenturas|febril)\w*|tengo temperatura"
        r"|temperatura (?:alta|de \d)|escalofrios",
        r"enrojec\w+|rojez|rojeces|infeccion|infectad\w+|pus",
        r"(?:piel|zona|herida|mancha) (?:\w+ ){0,3}(?:roja|extiende|extendiendo)",
        r"roj[oa]s? (?:\w+ ){0,4}(?:extiend\w+|crec\w+|grande|hinchad\w+)",
        r"debil(?:es|idad|itad[oa])?|sin fuerzas?|(?:no tengo|perdi) (?:la )?fuerzas?",
        r"entumec\w+|entumid\w+|adormec\w+|acalambrad\w+|paraliz\w+|paralisis",
        rf"{_PART} (?:\w+ ){{0,2}}dormid[oa]s?|dormid[oa]s? (?:\w+ ){{0,2}}{_PART}"
        rf"|durmi\w* (?:\w+ ){{0,2}}{_PART}",
        rf"no (?:siento|puedo mover|muevo|puedo levantar) (?:\w+ )?{_PART}",
        r"perdi (?:la )?sensibilidad|sin sensibilidad",
        r"convulsion\w*|derrame|ambulancia|sangr\w+ (?:\w+ )?mucho|no (?:para|deja) de sangrar",
        r"tos\w* (?:\w+ )?(?:con )?sangre|aguja (?:\w+ ){0,3}(?:rota|rompio|quebro|dentro|adentro)",
        r"suicid\w*|matarme|llam\w+ al? 911",
    ),
    danger_words=frozenset(
        {
            *("adormecida", "adormecido", "ahogo", "ahogando", "ambulancia", "calentura"),
            *("convulsion", "convulsiones", "debil", "debilidad", "derrame", "desmaye"),
            *("desmayo", "desmayar", "dolor", "duele", "enrojecimiento", "entumecida"),
            *("entumecido", "entumecimiento", "escalofrios", "fiebre", "inconsciente"),
            *("infarto", "infeccion", "infectada", "infectado", "opresion", "palpitaciones"),
            *("pecho", "presion", "respirar", "respiracion", "respiro", "rojez", "sangre"),
        }
    ),
    unlike_danger=frozenset(
        {
            *("hecho", "techo", "lecho", "echo", "color", "olor", "dolar", "idolo", "dulce"),
            *("suele", "huele", "duelo", "vuele", "dele", "denle", "prision", "pension"),
            *("debia", "debio", "debi", "debit", "conclusion", "conclusiones"),
            *("conversion", "confusion", "confusiones", "compulsion", "consciente"),
            *("conscientes", "inspiracion", "preparacion", "reparacion", "aspiracion"),
            *("resignacion", "favorecido", "envejecimiento", "abundancia", "inyeccion"),
            *("hongo", "liebre", "derrama"),
        }
    ),
    numbers={
        word: number
        for number, word in enumerate(
            (
                *("cero", "uno", "dos", "tres", "cuatro", "cinco"),
                *("seis", "siete", "ocho", "nueve", "diez"),
            )
        )
    },
    ordinals={
        word: number
        for number, words in enumerate(
            (
                ("primera", "primero", "1a", "1ra"),
                ("segunda", "segundo", "2a", "2da"),
                ("tercera", "tercero", "3a", "3ra"),
            ),
            start=1,
        )
        for word in words
    },
    beside_numbers=frozenset(
        {
            *("un", "una", "como", "mas", "o", "menos", "es", "mi", "hoy", "creo", "que", "numero"),
            *("nivel", "de", "ahora", "estoy", "en", "diria", "unos", "aproximadamente", "casi"),
            *("todavia", "el", "la", "yo", "solo", "gracias", "ok", "si", "entre", "y", "por"),
            *("favor", "hola", "del", "tengo", "alrededor"),
        }
    ),
    of_ten=r"/|de|sobre",
    says_pain=frozenset({"dolor", "puntuacion", "nivel"}),
    says_choice=frozenset({"sesion", "cita", "opcion"}),
    every={
        **dict.fromkeys(
            ("ambos", "ambas", "los dos", "ambas citas", "las dos citas", "si ambas", "si ambos"),
            Every(2),
        ),
        **dict.fromkeys(("las dos", "si las dos"), Every(2, may_be_hour=True)),
        **dict.fromkeys(("todas", "todos", "todas las citas", "si todas", "si todos"), Every()),
    },
)
