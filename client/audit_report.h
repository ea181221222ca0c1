/* What a run finds: violations as lines of text or of JSON on standard output, progress on standard error, a summary. */
#ifndef CERTMILL_AUDIT_REPORT_H
#define CERTMILL_AUDIT_REPORT_H

#include "err.h"

#include <stdint.h>

/* clang-format off */
#define VIOLATIONS(V) \
	V(MALFORMED,                "malformed",                "a record that does not decode") \
	V(UNANSWERED,               "unanswered",               "a request without an answer, or without a record in .rejects where that is due") \
	V(ANSWERED_TWICE,           "answered_twice",           "a second answer to one request message") \
	V(ANSWER_UNEXPECTED,        "answer_unexpected",        "an answer or a reject that the audit knows nothing of, or has otherwise") \
	V(ANSWER_DIFFERS,           "answer_differs",           "an answer that does not say what the audit says of its request") \
	V(NOT_AUDITED,              "not_audited",              "a request without an entry in .audit") \
	V(AUDITED_TWICE,            "audited_twice",            "a second entry for one request or certificate") \
	V(NOT_AT_HOME,              "not_at_home",              "done elsewhere than at its home partition, or sent on from there") \
	V(DUPLICATE_SERIAL,         "duplicate_serial",         "a second record of one issuer's serial number in .certs") \
	V(CERTIFICATE_NOT_AUDITED,  "certificate_not_audited",  "a record of .certs that no entry of .audit accounts for") \
	V(CERTIFICATE_MISSING,      "certificate_missing",      "an entry's certificate that .certs lacks") \
	V(CERTIFICATE_DIFFERS,      "certificate_differs",      "answer, record and entry of one request name or show different certificates") \
	V(TWO_CERTIFICATES,         "two_certificates",         "a second certificate for one request id within the dedup window") \
	V(CHAIN_BROKEN,             "chain_broken",             "a record of .audit that does not follow the one before") \
	V(HEAD_DIFFERS,             "head_differs",             "the chain does not end where the committed offset says") \
	V(OFFSET_MISSING,           "offset_missing",           "requests in a partition without a committed offset: none of them was asked for") \
	V(STATE_OFFSET,             "state_offset",             "decided under a .state that never was so long, or that was older than it had to be") \
	V(UNKNOWN_CONFIGURATION,    "unknown_configuration",    "decided under a mount, role or issuer that .state did not hold") \
	V(REVOCATION_MISSING,       "revocation_missing",       "an entry's revocation that .revoked lacks") \
	V(REVOCATION_NOT_AUDITED,   "revocation_not_audited",   "a record of .revoked that no entry of .audit accounts for") \
	V(CRL_INVALID,              "crl_invalid",              "a CRL that does not parse, or is not what its headers say") \
	V(CRL_SIGNATURE,            "crl_signature",            "a CRL that its issuer did not sign") \
	V(CRL_NOT_RISING,           "crl_not_rising",           "a CRL whose number or time does not rise along its key") \
	V(CRL_INCOMPLETE,           "crl_incomplete",           "a CRL that lacks a revocation answered before it") \
	V(CRL_EXPIRED_ENTRY,        "crl_expired_entry",        "a CRL with an entry that should have left") \
	V(CRL_UNRECORDED_ENTRY,     "crl_unrecorded_entry",     "a CRL with an entry that .revoked lacks")
/* clang-format on */

enum violation {
#define V(name, text, help) VIOLATION_##name,
	VIOLATIONS(V)
#undef V
	    VIOLATION_KINDS
};

/* A record, or a message of a request topic. */
struct audit_place {
	uint8_t topic;
	int32_t partition;
	int64_t offset;
};

struct report {
	bool json;
	bool lost; /* standard output did not take a line */
	int64_t found[VIOLATION_KINDS];
	int64_t requests, certificates, revocations, crls, audit_records;
	int64_t unjudged; /* uses of configuration that compaction has put out of sight */
};

struct progress {
	const char *topic;
	int64_t records, total, began_us, said_us;
};

struct audit;

/* at_ms: only what falls into the range asked for is told. */
void report_violation(struct audit *a, enum violation kind, const struct audit_place *place,
    int64_t at_ms, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* "topic/partition/offset" for the texts, in the arena of the message. */
const char *report_place(struct audit *a, const struct audit_place *place);
/* What could not be read, or not be asked. */
void report_note(struct audit *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void report_progress(struct audit *a);
int64_t report_count(const struct report *r); /* violations */
/* False: standard output does not take it. */
bool report_summary(struct audit *a) MUST_USE;
const char *violation_name(enum violation kind);

#endif
