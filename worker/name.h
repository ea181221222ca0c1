/*
 * Names: what is a host name, an e-mail address, a wildcard. Pure functions. Comparison is without regard to case
 * everywhere, and always on the ASCII form, so that a character which only looks like (or maps to) '.', '*' or '@' cannot
 * slip past a rule. Not checked here: what a role allows (policy_names.h), and whether a domain exists.
 */
#ifndef CERTMILL_NAME_H
#define CERTMILL_NAME_H

#include "arena.h"
#include "err.h"

/* octets, RFC 1035 2.3.4 (without a trailing dot) and RFC 5321 4.5.3.1 */
#define NAME_LABEL_MAX      63
#define NAME_HOST_MAX       253
#define NAME_MAILBOX_MAX    254
#define NAME_LOCAL_PART_MAX 64

enum name_kind { NAME_DNS, NAME_EMAIL };

/* A name taken apart. Everything is in the arena or in the text. */
struct name {
	struct slice text; /* as it came */
	enum name_kind kind;
	struct slice ascii; /* ToASCII; of an address, local part and '@' included */
	struct slice host;  /* ascii, or what stands behind its '@' */
	struct slice base;  /* host, or what stands behind its wildcard label */
	bool wildcard;
	/* of host: all of letters, digits and inner hyphens, a wildcard label in one of its forms */
	bool valid_labels;
	/* and one stands beside the wildcard: only then a DNS name goes into a SAN */
	bool hostname;
};

/* A name that was sent, in an error text: err_set(e, code, "no " NAME_QUOTED, NAME_FMT(name)). */
#define NAME_SHOWN  80
#define NAME_QUOTED "\"%.*s%s\""
#define NAME_FMT(s) \
	(int)((s).len <= NAME_SHOWN ? (s).len : NAME_SHOWN), (const char *)(s).data, \
	    (s).len <= NAME_SHOWN ? "" : "..."

/* The functions below together. Refuses with ERR_INVALID_VALUE; `field` is named in the error. */
bool name_parse(struct slice text, const char *field, struct arena *a, struct name *ret,
    struct err *e) MUST_USE;

/*
 * One '@' with something on both sides makes an address, two are refused; so are NUL and the other control characters. A
 * DNS name need not be a host name yet: "Foo Bar" is a fine common name.
 */
bool name_classify(
    struct slice text, const char *field, enum name_kind *ret, struct err *e) MUST_USE;
/*
 * ToASCII (RFC 5891, mapped as UTS 46 says, libidn2), and the lengths: no empty label, none over 63 octets, 253 together. A
 * wildcard label in front and a dot behind are kept, ASCII is passed as it is (an A-label in it must decode). The result
 * need not be a host name yet.
 */
bool name_to_ascii(struct slice text, const char *field, struct arena *a, struct slice *ret,
    struct err *e) MUST_USE;
/*
 * The grammar: labels of letters, digits and inner hyphens, optionally a dot behind. In front may stand a wildcard label in
 * one of the forms of RFC 6125 6.4.3: "*", "*a", "a*", "a*b", but none within an A-label.
 */
bool name_is_hostname(struct slice ascii);
/*
 * At most one '*', in the left-most label, not in an address; false when it is anything else. *ret_rest: the name behind
 * the wildcard label, or the whole name when there is none.
 */
bool name_wildcard(struct slice name, bool *ret_wildcard, struct slice *ret_rest);

/* Without the blanks around it. */
struct slice text_trim(struct slice s);
size_t text_characters(struct slice utf8);
/* NUL and the other characters that no name holds */
bool text_has_control(struct slice text);
bool name_is_ascii(struct slice name);
uint8_t name_fold(uint8_t c);                    /* an ASCII letter in lower case */
bool name_equal(struct slice a, struct slice b); /* ASCII case folded */
/* "." + domain is a suffix, and something stands before it */
bool name_ends_with_label(struct slice name, struct slice domain);

#endif
