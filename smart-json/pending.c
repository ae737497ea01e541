/* Handlers still to come; each leaves this file when it does. */
#include "smart-json/smart.h"

#define PENDING(name) \
	void \
	name(struct http_call *call) \
	{ \
		http_fail(call, 501, NULL, "not there yet"); \
	}

PENDING(smart_auth)
PENDING(smart_logoff)
PENDING(smart_main_index)
PENDING(smart_rows_get)
PENDING(smart_rows_write)
PENDING(smart_arch)
PENDING(smart_moment)
PENDING(smart_data31)
PENDING(smart_meter_time)
PENDING(smart_meter_relay)
PENDING(smart_meter_calendar)
PENDING(smart_restart)
PENDING(smart_time_set)
PENDING(smart_time_sync)
PENDING(smart_storage_sync)
PENDING(smart_state_time)
PENDING(smart_state_dout)
PENDING(smart_state_system)
PENDING(smart_state_din)
PENDING(smart_state_ain)
PENDING(smart_state_schdl)
PENDING(smart_state_uart)
PENDING(smart_state_network)
PENDING(smart_state_socket)
PENDING(smart_state_dataflash)
PENDING(smart_state_file_system)
PENDING(smart_state_modem)
PENDING(smart_state_os)
PENDING(smart_state_meter_table)
PENDING(smart_journal)
PENDING(smart_firmware_post)
PENDING(smart_firmware_get)
PENDING(smart_firmware_log)
