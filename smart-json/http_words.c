#include "smart-json/http_words.h"

#include <string.h>

const struct http_word http_words[] = {
	/* the server */
	{ "out of memory; try again later", "не хватило памяти; повторите позже" },
	{ "too many requests wait; try again later", "слишком много запросов; повторите позже" },
	{ "too many large requests at once; try again later",
	    "слишком много больших запросов сразу; повторите позже" },
	{ "the request is no proper HTTP", "запрос не соответствует HTTP" },
	{ "the Host field is broken", "поле Host заполнено неверно" },
	{ "the chunks of the body are broken", "части тела запроса испорчены" },
	{ "the body is too large for this path", "тело запроса слишком велико" },
	{ "the request line is longer than 8 KiB", "строка запроса длиннее 8 КиБ" },
	{ "the head of the request is longer than 32 KiB or has too many fields",
	    "заголовок запроса длиннее 32 КиБ или в нём слишком много полей" },
	{ "this is not supported here", "это здесь не поддерживается" },
	{ "only HTTP/1.0 and HTTP/1.1 are spoken here", "поддерживаются только HTTP/1.0 и HTTP/1.1" },
	{ "another upload is under way", "уже идёт другая загрузка" },
	{ "there is no space left for this body", "для тела запроса нет места" },
	{ "no such path", "такого пути нет" },
	{ "no such path: %s", "такого пути нет: %s" },
	{ "no such path in this dialect: %s", "в этом диалекте такого пути нет: %s" },
	{ "this path answers to: %s", "этот путь принимает только: %s" },
	{ "the page cannot be read", "страница не читается" },

	/* who may */
	{ "log in first: the ticket is missing or has expired", "войдите: билета нет или он истёк" },
	{ "the token is wrong: see api.token in the data directory",
	    "неверный ключ: см. api.token в каталоге данных" },
	{ "your account may not do this", "у вашей учётной записи нет на это прав" },
	{ "pages of other sites may not ask", "запросы со страниц других сайтов не принимаются" },
	{ "the factory password must be changed before anything else: write the account with a new "
	  "password to /%s",
	    "сначала смените заводской пароль: запишите учётную запись с новым паролем в /%s" },
	{ "wrong login or password", "неверный логин или пароль" },
	{ "too many wrong logins; try again later", "слишком много неудачных входов; повторите позже" },
	{ "login and password are needed, as strings", "нужны login и password, строками" },
	{ "there are no accounts on this server", "на этом сервере нет учётных записей" },
	{ "no login now", "войти сейчас нельзя" },

	/* bodies */
	{ "the JSON is nested deeper than %d", "вложенность JSON больше %d" },
	{ "broken JSON at line %d, column %d: %s", "ошибка в JSON: строка %d, столбец %d" },
	{ "the body must be an object", "тело запроса должно быть объектом" },
	{ "the request has no body", "у запроса нет тела" },
	{ "%s: \"%.40s\" is neither unix seconds nor a date like 2024-06-01T00:00",
	    "%s: «%.40s» — не секунды unix и не дата вида 2024-06-01T00:00" },
	{ "%s: \"%.40s\" is neither unix seconds nor a date like 2024-06-01T00:00:00+03:00",
	    "%s: «%.40s» — не секунды unix и не дата вида 2024-06-01T00:00:00+03:00" },
	{ "%s: \"%.40s\" is not a number", "%s: «%.40s» — не число" },
	{ "%s: at most %zu at once", "%s: не больше %zu за раз" },
	{ "%s: must be %s", "%s: здесь должно быть: %s" },
	{ "a string", "строка" },
	{ "an integer", "целое число" },
	{ "unix seconds or a date", "секунды unix или дата" },
	{ "an object with start and end", "объект с полями start и end" },
	{ "must be an integer", "нужно целое число" },
	{ "must be a string", "нужна строка" },
	{ "must be an object", "нужен объект" },
	{ "must be a list of rows", "нужен список записей" },
	{ "is missing", "нет обязательного поля" },
	{ "out of range", "недопустимое значение" },
	{ "too many rows", "слишком много записей" },
	{ "Active or Passive", "Active или Passive" },
	{ "hexadecimal digits, two for each byte", "нужны шестнадцатеричные цифры, по две на байт" },

	/* tables, journals */
	{ "the table cannot be read", "таблица не читается" },
	{ "nothing was changed", "ничего не изменено" },
	{ "the journal cannot be read", "журнал не читается" },
	{ "there is no journal \"%.40s\"", "журнала «%.40s» нет" },

	/* meters and their data */
	{ "the request", "запрос" },
	{ "the order", "команда" },
	{ "the archive cannot be read", "архив не читается" },
	{ "the archive cannot take what the meters told", "архив не принял ответы приборов" },
	{ "measures: at least one is needed", "measures: нужен хотя бы один вид данных" },
	{ "%s: there is no measure \"%.40s\" here", "%s: вида данных «%.40s» здесь нет" },
	{ "%s: %.40s changes the meter: use /meter/settings",
	    "%s: %.40s изменяет прибор: для этого есть /meter/settings" },
	{ "flags: there is no flag \"%.40s\"", "flags: признака «%.40s» нет" },
	{ "so many meters and measures cannot be asked at once: at most %d",
	    "слишком много приборов и видов данных за раз: не больше %d" },
	{ "there is no meter %lld", "прибора %lld нет" },
	{ "too many requests wait for meters", "слишком много запросов ждут приборов" },
	{ "the poller does not run", "опрос не работает" },

	/* actions, firmware */
	{ "this device takes no orders of that kind", "это устройство таких команд не принимает" },
	{ "the clock goes from 2000 to 2099", "часы идут с 2000 по 2099 год" },
	{ "the clock cannot be set: %s", "часы не установлены: %s" },
	{ "the body has no \"time\"", "в теле нет поля time" },
	{ "\"time\" must be a text", "time: нужна строка" },
	{ "this is no time like 2024-06-01T12:00:00+03:00",
	    "это не время вида 2024-06-01T12:00:00+03:00" },
	{ "no time servers are asked here", "серверы времени здесь не опрашиваются" },
	{ "the time servers were not asked: %s", "серверы времени не опрошены: %s" },
	{ "not all is on the disk", "на диск записано не всё" },
	{ "the firmware is refused: %s", "прошивка не принята: %s" },
	{ "there is no place for firmware", "для прошивки нет места" },
	{ "the form has no field \"fw_update\"", "в форме нет поля fw_update" },
	{ "the form is broken or incomplete", "форма испорчена или неполна" },
	{ "the form tells no boundary", "в форме не указана граница частей" },
	{ "no space for the package", "для пакета нет места" },
	{ "the update accepted before is not installed yet",
	    "принятое раньше обновление ещё не установлено" },
	{ "another package is being taken in", "уже принимается другой пакет" },

	/* src/base/err.h */
	{ "no answer", "нет ответа" },
	{ "checksum does not match", "ошибка контрольной суммы" },
	{ "malformed or incomplete frame", "искажённый или неполный ответ" },
	{ "answer of another station", "ответ чужого прибора" },
	{ "password or access level refused", "неверный пароль или уровень доступа" },
	{ "not supported by this meter", "прибор этого не умеет" },
	{ "the meter has no such record", "в приборе нет такой записи" },
	{ "the meter is busy", "прибор занят" },
	{ "refused now by the meter", "прибор сейчас отказал" },
	{ "the meter reports an internal error", "прибор сообщил о внутренней ошибке" },
	{ "the line is lost", "линия потеряна" },
	{ "interrupted by more urgent work", "прервано более срочной работой" },
	{ "stopping", "устройство завершает работу" },
	{ "no driver for this type", "для этого типа нет драйвера" },
	{ "invalid value", "недопустимое значение" },
	{ "not found", "не найдено" },
	{ "exists already", "уже есть" },
	{ "limit exceeded", "превышен предел" },
	{ "out of memory", "не хватило памяти" },
	{ "input or output error", "ошибка ввода-вывода" },
	{ "no space left", "нет места" },
	{ "read-only", "запись запрещена" },
	{ "database is damaged", "база данных повреждена" },
	{ "database was written by a newer version", "база данных записана более новой версией" },
	{ "internal error", "внутренняя ошибка" },
	{ NULL, NULL }
};

const char *
http_word(bool english, const char *text)
{
	for (const struct http_word *w = http_words; !english && w->english != NULL; w++)
		if (strcmp(w->english, text) == 0)
			return w->russian;
	return text;
}
