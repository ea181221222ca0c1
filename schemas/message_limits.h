/*
 * Every limit of the messages that more than one table has. They stand against abuse; what makes sense is for policy to
 * say. Lengths in bytes.
 */
#ifndef CERTMILL_MESSAGE_LIMITS_H
#define CERTMILL_MESSAGE_LIMITS_H

#include <stdint.h>

#define OP_MAX             32
#define OBJECT_NAME_MAX    64  /* a mount, a role, an issuer */
#define TOPIC_NAME_MAX     249 /* Kafka's */
#define COMMON_NAME_MAX    1024
#define NAMES_MAX          1024 /* items of alt_names, ip_sans, allowed_domains */
#define IDENTITY_TEXT_MAX  1024
#define USER_IDS_MAX       64
#define SUBJECT_SERIAL_MAX 64 /* RFC 5280 A.1: ub-serial-number */
#define URLS_MAX           64
#define WORD_MAX           32 /* of a few known words, such as "pem" or "rsa" */
#define TIME_TEXT_MAX      40 /* of RFC 3339 */
#define DESCRIPTION_MAX    1024
#define SERIAL_TEXT_MAX    128 /* hex and separators; cert/read also takes "ca" and "crl" */
#define CSR_MAX            65536
#define CERTIFICATE_MAX    65536
#define BUNDLE_MAX         (200 * 1024)
#define KEY_BITS_MAX       8192
#define PATH_LENGTH_MAX    1000
#define LEASE_ID_MAX       256
#define SUBJECT_VALUES_MAX 16 /* of one attribute in a subject */
#define WARNINGS_MAX       64
#define CODE_MAX           64
#define MESSAGE_MAX        1024
#define SOURCE_MAX         320                 /* topic/partition/offset */
#define ANSWER_MAX         (128 * 1024 * 1024) /* a CRL of 64 MiB as base64, and room */
#define CRL_MINIMUM_MAX    (INT64_MAX / 2)     /* what is left counts on for ever */
#define INT_LEAST          (INT64_MIN + 1)     /* INT64_MIN is SCHEMA_ABSENT */

#endif
