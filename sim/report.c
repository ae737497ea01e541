/* What a street says about itself: ready line, meter table, counters. */
#include "sim/street.h"

#include <string.h>

void
sim_street_ready(const struct sim_street *street, FILE *to)
{
	size_t meters = 0;

	fprintf(to, "{\"ready\":true,\"tz_min\":%lld,\"base\":%lld,\"buses\":[",
	    (long long)(street->tz_s / 60), (long long)street->base_t);
	for (size_t i = 0; i < street->n_buses; i++) {
		const struct sim_bus *bus = &street->buses[i];

		meters += bus->n_meters;
		fprintf(to, "%s{\"name\":\"%s\",", i > 0 ? "," : "", bus->name);
		if (bus->port == SIM_PORT_TCP)
			fprintf(to, "\"host\":\"%s\",\"port\":%u", bus->host, bus->tcp_port);
		else
			fprintf(to, "\"path\":\"%s\"", bus->path);
		fprintf(to, ",\"meters\":%zu}", bus->n_meters);
	}
	fprintf(to, "],\"meters\":%zu}\n", meters);
	fflush(to);
}

void
sim_street_csv(const struct sim_street *street, FILE *to)
{
	unsigned id = 1;

	fputs("id;parent;type;addr;iface;cfg;pass_rd;pass_wr;rtu_type;rtu_num;rtu_feeder;serial;"
	      "group;note\r\n",
	    to);
	for (size_t b = 0; b < street->n_buses; b++) {
		const struct sim_bus *bus = &street->buses[b];

		for (size_t i = 0; i < bus->n_meters; i++, id++) {
			const struct sim_meter *m = &bus->meters[i];
			char addr[80], rd[80], wr[80], where[80] = "";

			m->type->table(m, addr, rd, wr, sizeof(addr));
			if (bus->port == SIM_PORT_TCP)
				snprintf(where, sizeof(where), "%s:%u/", bus->host, bus->tcp_port);
			fprintf(to, "%u;0;%s;%s%s;%s;%u,8n1;%s;%s;;;;%s;;%s\r\n", id, m->type->csv_type,
			    where, addr, bus->iface, m->speed != 0 ? m->speed : bus->speed, rd, wr,
			    m->serial, bus->name);
		}
	}
	fflush(to);
}

static void
dump_meter(const struct sim_bus *bus, const struct sim_meter *m, FILE *to)
{
	const struct sim_counters *c = &m->counters;

	fprintf(to,
	    "{\"meter\":\"%s\",\"bus\":\"%s\",\"type\":\"%s\",\"heard\":%llu,\"answers\":%llu,"
	    "\"signons\":%llu,\"wrong_passwords\":%llu,\"switchings\":%llu,\"clock_writes\":%llu,"
	    "\"bad_reads\":%llu,\"replays\":%llu,\"faults\":{",
	    m->serial, bus->name, m->type->name, (unsigned long long)c->heard,
	    (unsigned long long)c->answers, (unsigned long long)c->signons,
	    (unsigned long long)c->wrong_passwords, (unsigned long long)c->switchings,
	    (unsigned long long)c->clock_writes, (unsigned long long)c->bad_reads,
	    (unsigned long long)c->replays);
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		fprintf(to, "%s\"%s\":%llu", i > 0 ? "," : "", sim_fault_names[i],
		    (unsigned long long)c->faults[i]);
	fputs("}}\n", to);
}

void
sim_street_dump(const struct sim_street *street, FILE *to)
{
	for (size_t b = 0; b < street->n_buses; b++) {
		const struct sim_bus *bus = &street->buses[b];

		fprintf(to,
		    "{\"bus\":\"%s\",\"rx_bytes\":%llu,\"tx_bytes\":%llu,\"busy_ms\":%lld,"
		    "\"requests\":%llu,\"unanswered\":%llu,\"collisions\":%llu,\"abandoned\":%llu,"
		    "\"overruns\":%llu,\"dropped\":%llu}\n",
		    bus->name, (unsigned long long)bus->stats.rx_bytes,
		    (unsigned long long)bus->stats.tx_bytes, (long long)(bus->stats.busy_ns / 1000000),
		    (unsigned long long)bus->stats.requests, (unsigned long long)bus->stats.unanswered,
		    (unsigned long long)bus->stats.collisions, (unsigned long long)bus->stats.abandoned,
		    (unsigned long long)bus->stats.overruns, (unsigned long long)bus->stats.dropped);
	}
	for (size_t b = 0; b < street->n_buses; b++)
		for (size_t i = 0; i < street->buses[b].n_meters; i++)
			dump_meter(&street->buses[b], &street->buses[b].meters[i], to);
	fflush(to);
}
