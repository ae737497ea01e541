/* The journals of the device.  ROW(name, what it tells) */
#ifndef USPD_TOOLS_CTL_JOURNALS_H
#define USPD_TOOLS_CTL_JOURNALS_H

#define CTL_JOURNALS(ROW) \
	ROW("action", "actions that events have started") \
	ROW("time", "changes of the device's clock") \
	ROW("meter/answ", "meters that fell silent or answer again") \
	ROW("auth/json", "logins of the interface") \
	ROW("reset", "starts of the device") \
	ROW("srvconn", "connections of TCP servers") \
	ROW("update/version", "versions of the program") \
	ROW("system", "what the device has to tell of itself") \
	ROW("meter/time", "corrections of the clocks of meters") \
	ROW("meter/relay", "switching of the relays of meters") \
	ROW("rtu", "clients of RTU-327") \
	ROW("audit", "who changed what; see uspdctl audit") \
	ROW("update/loader", "installations of firmware") \
	ROW("ppp/clconn", "connections of the modem") \
	ROW("ppp/srvconn", "dial-in connections") \
	ROW("call", "calls to the modem") \
	ROW("sms/get", "SMS that came") \
	ROW("din/sens", "discrete inputs") \
	ROW("din/pwrline", "supply of the power lines") \
	ROW("din/power", "supply of the device") \
	ROW("din/charge", "charge of the reserve supply") \
	ROW("din/open", "opening of the case") \
	ROW("mail/msg", "messages for mail") \
	ROW("mail/send", "mail that was sent") \
	ROW("sms/msg", "messages for SMS") \
	ROW("sms/send", "SMS that were sent") \
	ROW("mqtt/connect", "connections to MQTT brokers") \
	ROW("mqtt/message", "messages to MQTT brokers") \
	ROW("selftest", "self-tests")

#endif
