//! Stories in other languages and scripts, and with words that test a layout.

use email_templates::digest::{Crop, Picture, Story};

use super::content::{MONDAY, cropped, original};

const fn story(
    title: &'static str,
    dek: &'static str,
    section: &'static str,
    author: &'static str,
    picture: Option<Picture<'static>>,
) -> Story<'static> {
    Story {
        title,
        dek: Some(dek),
        url: "https://courier.example/story",
        picture,
        author: Some(author),
        section: Some(section),
        site_name: None,
        published: Some(MONDAY),
    }
}

pub const LONG_WORDS: [Story<'static>; 7] = [
    story(
        "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle schließt",
        "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetzesentwurfsdebattenprotokollführerin im Gespräch über Wörter.",
        "Grundstücksverkehrsgenehmigungszuständigkeit",
        "Maximiliane von und zu Hohenlohe-Schillingsfürstenberg-Waldenburg",
        cropped!("ferry", Some("Eine Fähre")),
    ),
    story(
        "Kraftfahrzeughaftpflichtversicherungsbeitragsbescheinigung",
        "https://www.example.org/a/very/long/path/that/never/ends/and/has/no/place/to/break/at/all",
        "Bundespräsidentenstichwahlwiederholungsverschiebung",
        "A",
        cropped!("street", Some("Häuser")),
    ),
    story(
        "Verkehrsinfrastrukturfinanzierungsgesellschaft baut Brücke",
        "Kurz.",
        "Verkehr",
        "B",
        cropped!("hill", Some("Ein Baum")),
    ),
    story(
        "Arbeiterunfallversicherungsgesetzesnovelle tritt in Kraft",
        "Unkaputtbarkeitsversicherungsvertreterverband widerspricht.",
        "Arbeitsmarktpolitik",
        "C",
        cropped!("lamps", Some("Lampen")),
    ),
    story("Kurz", "Kurz.", "X", "D", original!("market", "small", Some((160, 120)))),
    story("Nahrungsmittelunverträglichkeitsbescheinigungen", "Auch kurz.", "Y", "E", None),
    story("Wolkenkratzerfensterputzerleitersprossen", "Ende.", "Z", "F", None),
];

pub const ARABIC: [Story<'static>; 6] = [
    story(
        "المنارة التي تعلّمت عدّ الحيتان بعد تصويت 5–4",
        "رادار قديم وطالبان وكثير من الشاي حوّلوا غرفة المصباح إلى أكثر مراصد الساحل صبرًا.",
        "علوم",
        "ليلى حداد",
        cropped!("lighthouse", Some("منارة عند الغسق")),
    ),
    story(
        "عبّارة الفجر تعود بعد أحد عشر عامًا",
        "تبحر من جديد عند الساعة 5:40.",
        "نقل",
        "سامي",
        cropped!("ferry", Some("عبّارة")),
    ),
    story(
        "أي الشوارع يغرق أولًا؟",
        "مشينا على الميناء بميزان ماء.",
        "سكن",
        "نور",
        cropped!("street", Some("بيوت")),
    ),
    story(
        "في مديح رغيف اليوم الثاني",
        "أربع طرق مع خبز الأمس.",
        "طعام",
        "منى",
        cropped!("loaf", Some("رغيف")),
    ),
    story(
        "أضواء الميناء تعود (iPhone 17)",
        "تسعة عشر مصباحًا.",
        "محليات",
        "نور",
        cropped!("lamps", Some("مصابيح")),
    ),
    story("المكتبة تعير مظلتها المئة", "عادت تسع وتسعون.", "ناس", "ليلى", None),
];

pub const HEBREW: [Story<'static>; 3] = [
    story(
        "המגדלור שלמד לספור לווייתנים",
        "מכ\u{5f4}ם ישן, שני סטודנטים והרבה מאוד תה.",
        "מדע",
        "ליאה כהן",
        cropped!("lighthouse", Some("מגדלור")),
    ),
    story("מעבורת השחר חוזרת", "מיום שני ב־5:40.", "תחבורה", "דן", None),
    story("הספרייה משאילה את המטרייה המאה", "תשעים ותשע חזרו.", "אנשים", "נועה", None),
];

pub const CHINESE: [Story<'static>; 8] = [
    story(
        "学会数鲸鱼的灯塔：一台退役雷达、两名学生和很多很多茶",
        "旧灯室成了海岸上最有耐心的天文台。上周它记录了第一千次喷水，而没有人为此庆祝，因为大家都在喝茶。",
        "科学",
        "王小明",
        cropped!("lighthouse", Some("黄昏的灯塔")),
    ),
    story(
        "黎明渡轮十一年后重新启航",
        "从周一起五点四十分开船。",
        "交通",
        "李雷",
        cropped!("ferry", Some("渡轮")),
    ),
    story(
        "哪条街最先被淹？",
        "我们带着水平仪走遍了港口。",
        "住房",
        "韩梅梅",
        cropped!("street", Some("房屋")),
    ),
    story("隔夜面包颂", "昨天的面包有四种吃法。", "美食", "张伟", cropped!("loaf", Some("面包"))),
    story("港口的灯又亮了", "十九盏灯，在谷仓里找到。", "本地", "王芳", cropped!("lamps", Some("灯"))),
    story("图书馆借出第一百把雨伞", "九十九把还了回来。", "人物", "李娜", None),
    story("周六集市吃什么", "我们全都吃了。", "美食", "张伟", None),
    story("为什么我们把更正放在头版", "编辑的话。", "来信", "王小明", None),
];

pub const EMOJI: [Story<'static>; 4] = [
    story(
        "🎉 We turned one! 🎂 Thank you, all 12,000 of you 💌",
        "👩‍🚀 From the moon to the bakery 🥐, a year in 365 emoji. 🇫🇷🇩🇪🇪🇸🇵🇹🇬🇧",
        "🎈 News",
        "Zoë 🐳",
        cropped!("market", Some("Balloons 🎈")),
    ),
    story(
        "🚲 Ten rides before breakfast",
        "All flat. Mostly. ⛰️",
        "🌳 Outdoors",
        "Ben",
        cropped!("hill", None),
    ),
    story("🍝", "One word: pasta.", "🍽️", "Ann", cropped!("loaf", None)),
    story(
        "Cafés, naïveté & the “quoted” <tag>",
        "AT&T, 5 < 6, “so there”.",
        "Words & <More>",
        "O'Neil",
        None,
    ),
];

pub const GERMAN: [Story<'static>; 6] = [
    story(
        "Der Leuchtturm, der Wale zählen lernte",
        "Ein ausgemustertes Radar, zwei Studierende und sehr viel Tee.",
        "Wissen",
        "Ada Quill",
        cropped!("lighthouse", Some("Ein Leuchtturm")),
    ),
    story(
        "Die Morgenfähre fährt wieder",
        "Ab Montag um 5.40 Uhr, elf Jahre nach der Petition der Bäcker.",
        "Verkehr",
        "Tomas Hale",
        cropped!("ferry", Some("Eine Fähre")),
    ),
    story(
        "Welche Straßen zuerst volllaufen",
        "Wir sind mit der Wasserwaage um den Hafen gegangen.",
        "Wohnen",
        "Noor Aziz",
        cropped!("street", Some("Häuser")),
    ),
    story(
        "Lob des Brotes vom Vortag",
        "Vier Rezepte, sortiert nach Butter.",
        "Küche",
        "Imogen Marsh",
        cropped!("loaf", Some("Ein Brot")),
    ),
    story(
        "Die Hafenlampen leuchten wieder",
        "Neunzehn Lampen aus einer Scheune.",
        "Stadt",
        "Noor Aziz",
        cropped!("lamps", Some("Lampen")),
    ),
    story(
        "Die Bücherei verleiht ihren hundertsten Schirm",
        "Neunundneunzig kamen zurück.",
        "Menschen",
        "Ada Quill",
        None,
    ),
];

pub const SPANISH: [Story<'static>; 3] = [
    story(
        "El faro que aprendió a contar ballenas",
        "Un radar jubilado, dos estudiantes y mucho té.",
        "Ciencia",
        "Ada Quill",
        cropped!("lighthouse", Some("Un faro")),
    ),
    story(
        "El ferri del alba vuelve a zarpar",
        "Desde el lunes a las 5:40.",
        "Transporte",
        "Tomas Hale",
        cropped!("ferry", Some("Un ferri")),
    ),
    story(
        "¿Qué calles se inundan primero?",
        "Recorrimos el puerto con un nivel.",
        "Vivienda",
        "Noor Aziz",
        cropped!("street", Some("Casas")),
    ),
];

pub const FRENCH: [Story<'static>; 3] = [
    story(
        "Le phare qui apprit à compter les baleines",
        "Un radar à la retraite, deux étudiants et beaucoup de thé.",
        "Sciences",
        "Ada Quill",
        cropped!("lighthouse", Some("Un phare")),
    ),
    story(
        "Le bac de l’aube reprend la mer",
        "Dès lundi à 5 h 40.",
        "Transports",
        "Tomas Hale",
        cropped!("ferry", Some("Un bac")),
    ),
    story(
        "Quelles rues inondées en premier ?",
        "Nous avons fait le tour du port, un niveau à la main.",
        "Logement",
        "Noor Aziz",
        cropped!("street", Some("Des maisons")),
    ),
];

pub const PORTUGUESE: [Story<'static>; 3] = [
    story(
        "O farol que aprendeu a contar baleias",
        "Um radar reformado, dois estudantes e muito chá.",
        "Ciência",
        "Ada Quill",
        cropped!("lighthouse", Some("Um farol")),
    ),
    story(
        "O barco da madrugada volta a partir",
        "A partir de segunda-feira, às 5h40.",
        "Transportes",
        "Tomas Hale",
        cropped!("ferry", Some("Um barco")),
    ),
    story(
        "Que ruas inundam primeiro?",
        "Percorremos o porto com um nível.",
        "Habitação",
        "Noor Aziz",
        cropped!("street", Some("Casas")),
    ),
];
