/**
 * The clocks of each time zone before 1900, as Spark's own table has them: it was made in 2020, and is the same ever since, while some zones' mean times have
 * been merged with those of a neighbour in the time zone database. Made from release 2020a of that database (https://www.iana.org/time-zones) with Java's short
 * names added; the least of a zone's offsets in 2019 is its standard time.
 *
 * One line for all zones that are alike: standard time, mean time, what clocks changed to and when, the names. Offsets are seconds east of Greenwich, and times
 * seconds since the epoch.
 */
export const ZONES = `
-43200 -43200 Etc/GMT+12
-39600 -39600 Etc/GMT+11
-39600 45432 -2445424632:-40968 Pacific/Midway Pacific/Pago_Pago Pacific/Samoa US/Samoa
-39600 -40780 Pacific/Niue
-36000 44002 -3225223727:-42398 America/Adak America/Atka US/Aleutian
-36000 -36000 Etc/GMT+10 HST
-36000 -37886 -2334101314:-37800 Pacific/Honolulu Pacific/Johnston US/Hawaii
-36000 -38344 Pacific/Rarotonga
-36000 -35896 Pacific/Tahiti
-34200 -33480 Pacific/Marquesas
-32400 50424 -3225223727:-35976 AST America/Anchorage US/Alaska
-32400 54139 -3225223727:-32261 America/Juneau
-32400 54822 -3225223727:-31578 America/Metlakatla
-32400 46702 -3225223727:-39698 America/Nome
-32400 53927 -3225223727:-32473 America/Sitka
-32400 52865 -3225223727:-33535 America/Yakutat
-32400 -32400 Etc/GMT+9
-32400 -32388 Pacific/Gambier
-28800 -33460 America/Dawson
-28800 -28084 America/Ensenada America/Santa_Isabel America/Tijuana Mexico/BajaNorte
-28800 -28378 -2717640000:-28800 America/Los_Angeles PST US/Pacific
-28800 -29548 -2713880852:-28800 America/Vancouver Canada/Pacific
-28800 -32412 America/Whitehorse Canada/Yukon
-28800 -28800 Etc/GMT+8 PST8PDT
-28800 -31220 Pacific/Pitcairn
-25200 -27889 -2717640000:-28800 America/Boise
-25200 0 America/Cambridge_Bay America/Inuvik America/Yellowknife
-25200 -25460 America/Chihuahua
-25200 -25556 America/Ciudad_Juarez
-25200 -27964 -2713882436:-25200 America/Creston
-25200 -28856 -2713881544:-28800 America/Dawson_Creek
-25200 -25196 -2717643600:-25200 America/Denver America/Shiprock Navajo US/Mountain
-25200 -27232 America/Edmonton Canada/Mountain
-25200 -29447 -2713880953:-28800 America/Fort_Nelson
-25200 -26632 America/Hermosillo
-25200 -25540 America/Mazatlan Mexico/BajaSur
-25200 -25060 America/Ojinaga
-25200 -26898 -2717643600:-25200 America/Phoenix PNT US/Arizona
-25200 -25200 Etc/GMT+7 MST MST7MDT
-21600 -25260 America/Bahia_Banderas
-21600 -21168 America/Belize
-21600 -21036 -2717647200:-21600 America/Chicago CST US/Central
-21600 -20173 America/Costa_Rica
-21600 -21408 America/El_Salvador
-21600 -21724 America/Guatemala
-21600 -20790 -2717647200:-21600 America/Indiana/Knox America/Knox_IN US/Indiana-Starke
-21600 -20823 -2717647200:-21600 America/Indiana/Tell_City
-21600 -20708 -2524500892:-20712 America/Managua
-21600 -24000 America/Matamoros
-21600 -21027 -2659759773:-21600 America/Menominee
-21600 -21508 America/Merida
-21600 -23796 America/Mexico_City Mexico/General
-21600 -24076 America/Monterrey
-21600 -24427 -2717643600:-25200 America/North_Dakota/Beulah
-21600 -24312 -2717643600:-25200 America/North_Dakota/Center
-21600 -24339 -2717643600:-25200 America/North_Dakota/New_Salem
-21600 -22696 -2366732504:-21600 America/Rainy_River
-21600 0 America/Rankin_Inlet America/Resolute
-21600 -25116 America/Regina Canada/Saskatchewan
-21600 -25880 America/Swift_Current
-21600 -20932 America/Tegucigalpa
-21600 -23316 -2602258284:-21600 America/Winnipeg Canada/Central
-21600 -21600 CST6CDT Etc/GMT+6
-21600 -26248 Chile/EasterIsland Pacific/Easter
-21600 -21504 Pacific/Galapagos
-18000 -21988 -2366733212:-21600 America/Atikokan America/Coral_Harbour
-18000 -17776 America/Bogota
-18000 -20824 America/Cancun
-18000 -19088 -2524502512:-19176 America/Cayman America/Panama
-18000 -19931 America/Detroit US/Michigan
-18000 -16768 America/Eirunepe
-18000 -20678 -2717647200:-21600 America/Fort_Wayne America/Indiana/Indianapolis America/Indianapolis IET US/East-Indiana
-18000 -17072 -2524504528:-18430 America/Grand_Turk
-18000 -19160 -2524502440:-18840 America/Guayaquil
-18000 -19768 -2524501832:-19776 America/Havana Cuba
-18000 -20723 -2717647200:-21600 America/Indiana/Marengo
-18000 -20947 -2717647200:-21600 America/Indiana/Petersburg
-18000 -20416 -2717647200:-21600 America/Indiana/Vevay
-18000 -21007 -2717647200:-21600 America/Indiana/Vincennes
-18000 -20785 -2717647200:-21600 America/Indiana/Winamac
-18000 0 America/Iqaluit America/Pangnirtung
-18000 -18430 America/Jamaica Jamaica
-18000 -20582 -2717647200:-21600 America/Kentucky/Louisville America/Louisville
-18000 -20364 -2717647200:-21600 America/Kentucky/Monticello
-18000 -18492 -2524503108:-18516 America/Lima
-18000 -19052 -2366736148:-18000 America/Montreal America/Toronto Canada/Eastern
-18000 -18570 America/Nassau
-18000 -17762 -2717650800:-18000 America/New_York US/Eastern
-18000 -21184 -2366734016:-18000 America/Nipigon
-18000 -17360 -2524504240:-17340 America/Port-au-Prince
-18000 -16272 America/Porto_Acre America/Rio_Branco Brazil/Acre
-18000 -21420 -2366733780:-21600 America/Thunder_Bay
-18000 -18000 EST EST5EDT Etc/GMT+5
-14400 -14764 America/Anguilla America/Antigua America/Dominica America/Grenada America/Guadeloupe America/Marigot America/Montserrat America/Port_of_Spain America/St_Barthelemy America/St_Kitts America/St_Lucia America/St_Thomas America/St_Vincent America/Tortola America/Virgin
-14400 -16547 America/Aruba America/Curacao America/Kralendijk America/Lower_Princes
-14400 -13840 America/Asuncion
-14400 -14309 America/Barbados
-14400 -13708 -2713896692:-14400 America/Blanc-Sablon
-14400 -14560 America/Boa_Vista
-14400 -13108 America/Campo_Grande
-14400 -16064 -2524505536:-16060 America/Caracas
-14400 -13460 America/Cuiaba
-14400 -14388 America/Glace_Bay
-14400 -14500 -2713895900:-12652 America/Goose_Bay
-14400 -13960 America/Guyana
-14400 -15264 America/Halifax Canada/Atlantic
-14400 -16356 America/La_Paz
-14400 -14404 America/Manaus Brazil/West
-14400 -14660 America/Martinique
-14400 -15548 -2715882052:-18000 America/Moncton
-14400 -15336 America/Porto_Velho
-14400 -15865 -2233035335:-14400 America/Puerto_Rico PRT
-14400 -16966 America/Santiago Chile/Continental
-14400 -16776 -2524504824:-16800 America/Santo_Domingo
-14400 -16508 America/Thule
-14400 -15558 Atlantic/Bermuda
-14400 -14400 Etc/GMT+4
-12600 -12652 America/St_Johns CNT Canada/Newfoundland
-10800 -11568 America/Araguaina
-10800 -14028 -2372097972:-15408 AGT America/Argentina/Buenos_Aires America/Buenos_Aires
-10800 -15788 -2372096212:-15408 America/Argentina/Catamarca America/Argentina/ComodRivadavia America/Catamarca
-10800 -15408 America/Argentina/Cordoba America/Cordoba America/Rosario
-10800 -15672 -2372096328:-15408 America/Argentina/Jujuy America/Jujuy
-10800 -16044 -2372095956:-15408 America/Argentina/La_Rioja
-10800 -16516 -2372095484:-15408 America/Argentina/Mendoza America/Mendoza
-10800 -16612 -2372095388:-15408 America/Argentina/Rio_Gallegos
-10800 -15700 -2372096300:-15408 America/Argentina/Salta
-10800 -16444 -2372095556:-15408 America/Argentina/San_Juan
-10800 -15924 -2372096076:-15408 America/Argentina/San_Luis
-10800 -15652 -2372096348:-15408 America/Argentina/Tucuman
-10800 -16392 -2372095608:-15408 America/Argentina/Ushuaia
-10800 -9244 America/Bahia
-10800 -11636 America/Belem
-10800 -12560 America/Cayenne
-10800 -9240 America/Fortaleza
-10800 -12416 America/Godthab America/Nuuk
-10800 -8572 America/Maceio
-10800 -13480 America/Miquelon
-10800 -13491 America/Montevideo
-10800 -13240 America/Paramaribo
-10800 -17020 -2524504580:-16966 America/Punta_Arenas
-10800 -8376 America/Recife
-10800 -13128 America/Santarem
-10800 -11188 America/Sao_Paulo BET Brazil/East
-10800 0 Antarctica/Palmer Antarctica/Rothera
-10800 -13884 Atlantic/Stanley
-10800 -10800 Etc/GMT+3
-7200 -7780 America/Noronha Brazil/DeNoronha
-7200 -8768 -2524512832:-7200 Atlantic/South_Georgia
-7200 -7200 Etc/GMT+2
-3600 -5272 America/Scoresbysund
-3600 -6160 -2713904240:-6872 Atlantic/Azores
-3600 -5644 Atlantic/Cape_Verde
-3600 -3600 Etc/GMT+1
0 -968 Africa/Abidjan Africa/Bamako Africa/Banjul Africa/Conakry Africa/Dakar Africa/Freetown Africa/Lome Africa/Nouakchott Africa/Ouagadougou Africa/Timbuktu Atlantic/St_Helena
0 -52 Africa/Accra
0 -3740 Africa/Bissau
0 -1820 Africa/Casablanca
0 -3168 Africa/El_Aaiun
0 -2588 Africa/Monrovia
0 1616 -2713912016:-2205 Africa/Sao_Tome
0 -4480 America/Danmarkshavn
0 0 Antarctica/Troll Etc/GMT Etc/GMT+0 Etc/GMT-0 Etc/GMT0 Etc/Greenwich Etc/UCT Etc/UTC Etc/Universal Etc/Zulu GMT GMT+0 GMT-0 GMT0 Greenwich UCT UTC Universal WET Zulu
0 -3696 Atlantic/Canary
0 -1624 Atlantic/Faeroe Atlantic/Faroe
0 -4056 Atlantic/Madeira
0 -5280 Atlantic/Reykjavik Iceland
0 -1500 -2821649700:-1521 Eire Europe/Dublin
0 -75 -3852662325:0 Europe/Belfast Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/London GB GB-Eire
0 -2205 Europe/Lisbon Portugal
3600 732 -2486679072:561 Africa/Algiers
3600 816 Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Lagos Africa/Libreville Africa/Luanda Africa/Malabo Africa/Niamey Africa/Porto-Novo
3600 -1276 Africa/Ceuta
3600 3612 Africa/Ndjamena
3600 2444 -2797202444:561 Africa/Tunis
3600 2580 -2366757780:3600 Arctic/Longyearbyen Atlantic/Jan_Mayen Europe/Oslo
3600 3600 CET Etc/GMT-1 MET
3600 1172 Europe/Amsterdam
3600 364 Europe/Andorra
3600 4920 -2713915320:3600 Europe/Belgrade Europe/Ljubljana Europe/Podgorica Europe/Sarajevo Europe/Skopje Europe/Zagreb
3600 3208 -2422054408:3600 Europe/Berlin
3600 3464 -2469401864:3600 Europe/Bratislava Europe/Prague
3600 1050 -2450995200:0 Europe/Brussels
3600 4580 -2500938980:3600 Europe/Budapest
3600 2048 -3675198848:1786 -2385246586:3600 Europe/Busingen Europe/Vaduz Europe/Zurich
3600 3020 -2398294220:3600 Europe/Copenhagen
3600 -1284 -2821649916:0 Europe/Gibraltar
3600 1476 Europe/Luxembourg
3600 -884 Europe/Madrid
3600 3484 -2403478684:3600 Europe/Malta
3600 1772 -2486680172:561 Europe/Monaco
3600 561 ECT Europe/Paris
3600 2996 -2403565200:3600 Europe/Rome Europe/San_Marino Europe/Vatican
3600 4332 -2871681132:3614 -2208992414:3600 Europe/Stockholm
3600 4760 Europe/Tirane
3600 3921 -2422055121:3600 Europe/Vienna
3600 5040 Europe/Warsaw Poland
7200 7820 Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Kigali Africa/Lubumbashi Africa/Lusaka Africa/Maputo CAT
7200 7509 ART Africa/Cairo Egypt
7200 6720 -2458173120:5400 Africa/Johannesburg Africa/Maseru Africa/Mbabane
7200 7808 Africa/Khartoum
7200 3164 Africa/Tripoli Libya
7200 4104 -2458170504:5400 Africa/Windhoek
7200 8624 Asia/Amman
7200 8520 -2840149320:7200 Asia/Beirut
7200 8712 Asia/Damascus
7200 8148 Asia/Famagusta
7200 8272 Asia/Gaza
7200 8423 Asia/Hebron
7200 8454 -2840149254:8440 Asia/Jerusalem Asia/Tel_Aviv Israel
7200 8008 Asia/Nicosia Europe/Nicosia
7200 7200 EET Etc/GMT-2
7200 5692 Europe/Athens
7200 6264 Europe/Bucharest
7200 6920 -2840147720:6900 Europe/Chisinau Europe/Tiraspol
7200 5989 Europe/Helsinki Europe/Mariehamn
7200 4920 -2422056120:3600 Europe/Kaliningrad
7200 7324 Europe/Kiev Europe/Kyiv
7200 5794 Europe/Riga
7200 5596 -2840146396:7016 -2369527016:7200 Europe/Sofia
7200 5940 Europe/Tallinn
7200 5352 -2500939752:3600 Europe/Uzhgorod
7200 6076 -2840146876:5040 Europe/Vilnius
7200 8440 -2840149240:8400 Europe/Zaporozhye
10800 8836 Africa/Addis_Ababa Africa/Asmara Africa/Asmera Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala Africa/Mogadishu Africa/Nairobi EAT Indian/Antananarivo Indian/Comoro Indian/Mayotte
10800 7588 Africa/Juba
10800 0 Antarctica/Syowa
10800 11212 Asia/Aden Asia/Kuwait Asia/Riyadh
10800 10660 -2524532260:10656 Asia/Baghdad
10800 12368 Asia/Bahrain Asia/Qatar
10800 6952 -2840147752:7016 Asia/Istanbul Europe/Istanbul Turkey
10800 10800 Etc/GMT-3
10800 11928 Europe/Kirov
10800 6616 -2840147416:6600 Europe/Minsk
10800 9017 Europe/Moscow W-SU
10800 8184 -2840148984:8160 Europe/Simferopol
12600 12344 Asia/Tehran Iran
14400 11964 Asia/Baku
14400 13272 Asia/Dubai Asia/Muscat
14400 10751 Asia/Tbilisi
14400 10680 Asia/Yerevan NET
14400 14400 Etc/GMT-4
14400 11532 Europe/Astrakhan
14400 12020 Europe/Samara
14400 11058 Europe/Saratov
14400 11616 Europe/Ulyanovsk
14400 10660 Europe/Volgograd
14400 13308 Indian/Mahe
14400 13800 Indian/Mauritius
14400 13312 Indian/Reunion
16200 16608 -2524538208:14400 Asia/Kabul
18000 0 Antarctica/Mawson Indian/Kerguelen
18000 12064 Asia/Aqtau
18000 13720 Asia/Aqtobe
18000 14012 Asia/Ashgabat Asia/Ashkhabad
18000 12464 Asia/Atyrau
18000 16512 Asia/Dushanbe
18000 16092 Asia/Karachi PLT
18000 12324 Asia/Oral
18000 15712 Asia/Qyzylorda
18000 16073 Asia/Samarkand
18000 16631 Asia/Tashkent
18000 14553 Asia/Yekaterinburg
18000 18000 Etc/GMT-5
18000 17640 Indian/Maldives
19800 21208 -3645237208:21200 -3155694800:19270 Asia/Calcutta Asia/Kolkata IST
19800 19164 -2840159964:19172 Asia/Colombo
20700 20476 Asia/Kathmandu Asia/Katmandu
21600 0 Antarctica/Vostok
21600 18468 Asia/Almaty
21600 17904 Asia/Bishkek
21600 21700 -2524543300:21200 Asia/Dacca Asia/Dhaka BST
21600 21020 Asia/Kashgar Asia/Urumqi
21600 17610 Asia/Omsk
21600 15268 Asia/Qostanay
21600 21516 Asia/Thimbu Asia/Thimphu
21600 21600 Etc/GMT-6
21600 17380 Indian/Chagos
23400 23087 Asia/Rangoon Asia/Yangon
23400 23260 -2209012060:23400 Indian/Cocos
25200 0 Antarctica/Davis
25200 24124 Asia/Bangkok Asia/Phnom_Penh Asia/Vientiane
25200 20100 Asia/Barnaul
25200 25600 Asia/Ho_Chi_Minh Asia/Saigon VST
25200 21996 Asia/Hovd
25200 25632 Asia/Jakarta
25200 22286 Asia/Krasnoyarsk
25200 20928 Asia/Novokuznetsk
25200 19900 Asia/Novosibirsk
25200 26240 Asia/Pontianak
25200 20391 Asia/Tomsk
25200 25200 Etc/GMT-7
25200 25372 -2364102172:25200 Indian/Christmas
28800 0 Antarctica/Casey
28800 27580 Asia/Brunei
28800 27480 Asia/Choibalsan
28800 29143 Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Shanghai CTT PRC
28800 27402 Asia/Hong_Kong Hongkong
28800 25025 Asia/Irkutsk
28800 24406 Asia/Kuala_Lumpur
28800 26480 Asia/Kuching
28800 27250 Asia/Macao Asia/Macau
28800 28656 Asia/Makassar Asia/Ujung_Pandang
28800 -57360 -3944621040:29040 -2229321840:28800 Asia/Manila
28800 24925 Asia/Singapore Singapore
28800 29160 -2335248360:28800 Asia/Taipei ROC
28800 25652 Asia/Ulaanbaatar Asia/Ulan_Bator
28800 27804 -2337925404:28800 Australia/Perth Australia/West
28800 28800 Etc/GMT-8
31500 30928 -2337928528:31500 Australia/Eucla
32400 27232 Asia/Chita
32400 30140 Asia/Dili
32400 33768 Asia/Jayapura
32400 32533 Asia/Khandyga
32400 30180 Asia/Pyongyang
32400 30472 Asia/Seoul ROK
32400 33539 -2587712400:32400 Asia/Tokyo JST Japan
32400 31138 Asia/Yakutsk
32400 32400 Etc/GMT-9
32400 -54124 -3944624276:32276 Pacific/Palau
34200 33260 -2364110060:32400 -2230189200:34200 Australia/Adelaide Australia/South
34200 33948 -2364110748:36000 -2314951200:32400 -2230189200:34200 Australia/Broken_Hill Australia/Yancowinna
34200 31400 -2364108200:32400 -2230189200:34200 ACT Australia/Darwin Australia/North
36000 0 Antarctica/DumontDUrville
36000 34374 Asia/Ust-Nera
36000 31651 Asia/Vladivostok
36000 36292 -2364113092:36000 AET Australia/ACT Australia/Canberra Australia/NSW Australia/Sydney
36000 36728 -2366791928:36000 Australia/Brisbane Australia/Queensland
36000 34528 -2345794528:36000 Australia/Currie
36000 35356 -2345795356:36000 Australia/Hobart Australia/Tasmania
36000 35756 -2366790956:36000 Australia/Lindeman
36000 34792 -2364111592:36000 Australia/Melbourne Australia/Victoria
36000 36000 Etc/GMT-10
36000 -49972 -3944628428:36428 Pacific/Chuuk Pacific/Truk Pacific/Yap
36000 -51660 -3944626740:34740 Pacific/Guam Pacific/Saipan
36000 35320 -2840176120:35312 -2366790512:36000 Pacific/Port_Moresby
37800 38180 -2364114980:36000 Australia/LHI Australia/Lord_Howe
39600 0 -2214259200:36000 Antarctica/Macquarie
39600 36192 Asia/Magadan
39600 34248 Asia/Sakhalin
39600 36892 Asia/Srednekolymsk
39600 39600 Etc/GMT-11
39600 37336 -2840178136:35312 -2366790512:36000 Pacific/Bougainville
39600 40396 Pacific/Efate
39600 38388 Pacific/Guadalcanal SST
39600 -47284 -3944631116:39116 Pacific/Kosrae
39600 40312 Pacific/Norfolk
39600 39948 Pacific/Noumea
39600 -48428 -3944629972:37972 Pacific/Pohnpei Pacific/Ponape
43200 41944 -3192435544:41400 Antarctica/McMurdo Antarctica/South_Pole NST NZ Pacific/Auckland
43200 42596 Asia/Anadyr
43200 38076 Asia/Kamchatka
43200 43200 Etc/GMT-12
43200 40160 Kwajalein Pacific/Kwajalein
43200 42944 Pacific/Fiji
43200 43012 Pacific/Funafuti
43200 41088 Pacific/Majuro
43200 40060 Pacific/Nauru
43200 41524 Pacific/Tarawa
43200 39988 Pacific/Wake
43200 44120 Pacific/Wallis
45900 44028 -3192437628:44100 NZ-CHAT Pacific/Chatham
46800 46800 Etc/GMT-13
46800 45184 -2445424384:-41216 MIT Pacific/Apia
46800 -41060 Pacific/Enderbury Pacific/Kanton
46800 -41096 Pacific/Fakaofo
46800 44360 Pacific/Tongatapu
50400 50400 Etc/GMT-14
50400 -37760 Pacific/Kiritimati
`;
