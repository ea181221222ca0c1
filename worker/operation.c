#include "op.h"

#include "encode.h"
#include "timespan.h"
#include "warnings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
static const struct operation operations[] = {
	/* issue and sign */
	{ .contract = &contracts[OP_ISSUE], .defaults = leaf_params_defaults,
	  .claims = true, .signs = true,
	  .would_wait = issue_would_wait, .decide = issue_decide, .answer = leaf_answer },
	{ .contract = &contracts[OP_SIGN], .defaults = leaf_params_defaults,
	  .claims = true, .signs = true,
	  .decide = sign_decide, .answer = leaf_answer },
	{ .contract = &contracts[OP_SIGN_VERBATIM], .defaults = leaf_params_defaults,
	  .claims = true, .signs = true,
	  .decide = sign_verbatim_decide, .answer = leaf_answer },
	/* revoke */
	{ .contract = &contracts[OP_REVOKE], .claims = true, .of_deleted = true,
	  .lookup = revoke_lookup, .decide = revoke_decide, .answer = revoke_answer },
	{ .contract = &contracts[OP_CRL_ROTATE], .claims = true, .of_deleted = true,
	  .decide = crl_rotate_decide, .answer = crl_rotate_answer },
	/* config */
	{ .contract = &contracts[OP_MOUNT_WRITE], .defaults = mount_params_defaults,
	  .claims = true, .decide = mount_write_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_MOUNT_TUNE], .defaults = mount_params_defaults,
	  .claims = true, .decide = mount_tune_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_MOUNT_DELETE],
	  .claims = true, .decide = mount_delete_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_CA_SET], .claims = true,
	  .decide = ca_set_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_CA_GENERATE_ROOT],
	  .defaults = ca_params_defaults, .claims = true, .signs = true, .gives_key = ca_gives_key,
	  .decide = ca_root_decide, .answer = ca_root_answer },
	{ .contract = &contracts[OP_CA_GENERATE_INTERMEDIATE],
	  .defaults = ca_params_defaults, .claims = true, .gives_key = ca_gives_key,
	  .decide = ca_intermediate_decide, .answer = ca_intermediate_answer },
	{ .contract = &contracts[OP_CA_SIGN],
	  .defaults = ca_params_defaults, .claims = true, .signs = true,
	  .decide = ca_sign_decide, .answer = ca_sign_answer },
	{ .contract = &contracts[OP_URLS_WRITE], .claims = true,
	  .decide = urls_write_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_CRL_WRITE], .claims = true,
	  .decide = crl_write_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_ROLE_WRITE], .defaults = role_write_defaults,
	  .claims = true, .decide = role_write_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_ROLE_PATCH], .defaults = role_write_defaults,
	  .claims = true, .decide = role_patch_decide, .answer = empty_answer },
	{ .contract = &contracts[OP_ROLE_DELETE],
	  .claims = true, .decide = role_delete_decide, .answer = empty_answer },
	/* query */
	{ .contract = &contracts[OP_MOUNT_LIST],
	  .decide = mount_list_decide, .answer = mount_list_answer },
	{ .contract = &contracts[OP_CA_READ], .defaults = read_params_defaults,
	  .of_deleted = true, .decide = ca_read_decide, .answer = ca_read_answer },
	{ .contract = &contracts[OP_CERT_READ], .lookup = cert_read_lookup,
	  .of_deleted = true, .decide = cert_read_decide, .answer = cert_read_answer },
	{ .contract = &contracts[OP_CERT_LIST], .defaults = page_params_defaults,
	  .of_deleted = true, .decide = cert_list_decide, .answer = cert_list_answer },
	{ .contract = &contracts[OP_URLS_READ],
	  .decide = urls_read_decide, .answer = urls_read_answer },
	{ .contract = &contracts[OP_CRL_CONFIG_READ],
	  .decide = crl_config_read_decide, .answer = crl_config_read_answer },
	{ .contract = &contracts[OP_CRL_READ], .defaults = read_params_defaults,
	  .of_deleted = true, .decide = crl_read_decide, .answer = crl_read_answer },
	{ .contract = &contracts[OP_ROLE_READ],
	  .decide = role_read_decide, .answer = role_read_answer },
	{ .contract = &contracts[OP_ROLE_LIST], .defaults = page_params_defaults,
	  .decide = role_list_decide, .answer = role_list_answer },
	{ .contract = &contracts[OP_STATUS],
	  .decide = status_decide, .answer = status_answer },
};
/* clang-format on */

#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

const struct operation *
operation_find(struct slice name)
{
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		if (slice_is(name, operations[i].contract->name))
			return &operations[i];
	return NULL;
}

const struct operation *
operation_at(size_t i)
{
	return i < OPERATION_COUNT ? &operations[i] : NULL;
}

/* ---- what all of them share ---- */

const struct catalog_mount *
context_mount(const struct context *cx, const struct request *rq, struct err *e)
{
	const struct catalog_mount *mount = catalog_find_mount(cx->catalog, rq->envelope.mount);

	if (mount == NULL)
		err_field(e, ERR_UNKNOWN_MOUNT, "mount", "there is no mount \"%.*s\"",
		    SLICE_FMT(rq->envelope.mount));
	return mount;
}

static void
outcome_reset(struct outcome *o)
{
	const struct slice_list warnings = o->warnings;

	*o = outcome_none;
	o->warnings = warnings;
}

bool
request_admit(
    struct context *cx, struct request *rq, const struct catalog_mount **ret, struct err *e)
{
	const struct operation *op = rq->operation;

	outcome_reset(&rq->outcome);
	if (op->contract->needs_role && rq->envelope.role.len == 0)
		return err_field(
		    e, ERR_MISSING_FIELD, "role", "\"%s\" needs a role", op->contract->name);
	if (!request_gives_key(rq) && rq->envelope.seal_to.data != NULL)
		return err_field(e, ERR_INVALID_VALUE, "seal_to",
		    "\"%s\" answers with no private key to seal", op->contract->name);
	if (ret != NULL)
		*ret = context_mount(cx, rq, e);
	if (rq->envelope.identity.data != NULL &&
	    (ret == NULL || *ret == NULL || !(*ret)->state.trust_identity))
		request_warn(cx, rq, "identity_ignored",
		    "the mount does not trust the identity that a sender claims");
	if (ret != NULL && *ret != NULL && catalog_mount_deleted(*ret) && !op->of_deleted)
		return err_field(e, ERR_UNKNOWN_MOUNT, "mount", "mount \"%.*s\" was deleted",
		    SLICE_FMT((*ret)->name));
	return ret == NULL || *ret != NULL;
}

bool
request_gives_key(const struct request *rq)
{
	const struct operation *op = rq->operation;

	return op->contract->makes_key && (op->gives_key == NULL || op->gives_key(rq->params));
}

void
request_refuse(struct context *cx, struct request *rq, const struct err *e)
{
	outcome_reset(&rq->outcome);
	rq->outcome.code = slice_text(err_name(e->code));
	rq->outcome.message = arena_copy(cx->arena, slice_text(e->msg));
	if (e->field[0] != '\0')
		rq->outcome.field = arena_copy(cx->arena, slice_text(e->field));
	rq->record = SLICE_NONE;
	rq->retryable = err_can_retry(e->code);
}

void
request_warn(struct context *cx, struct request *rq, const char *code, const char *fmt, ...)
{
	struct slice_list *list = &rq->outcome.warnings;
	struct slice *items = arena_array(cx->arena, list->count + 1, sizeof(*items));
	struct warning_body warning = { .code = slice_text(code) };
	char message[240];
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };
	va_list args;

	assert(warning_known(code));
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	warning.message = slice_text(message);
	buf_init(&b, 1024);
	schema_encode(&warning_schema, &warning, &w);
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count] = arena_copy(cx->arena, buf_slice(&b));
	*list = (struct slice_list){ items, list->count + 1 };
}

void
outcome_take(struct context *cx, struct request *rq, const struct template *t)
{
	for (size_t i = 0; i < t->warning_count; i++)
		request_warn(
		    cx, rq, t->warnings[i].code, "%.*s", SLICE_FMT(t->warnings[i].message));
	rq->outcome.not_after = t->not_after;
}

int64_t
request_time_ms(const struct context *cx, const struct request *rq)
{
	return rq->message->timestamp_ms > 0 ? rq->message->timestamp_ms : cx->now_ms;
}

#define CHANGE_MAX ((size_t)512 * 1024)

void
request_change_raw(
    struct context *cx, struct request *rq, const char *kind, struct slice name, struct slice value)
{
	struct slice_list *list = &rq->outcome.changes;
	struct slice *items = arena_array(cx->arena, list->count + 1, sizeof(*items));
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	if (rq->envelope.dry_run)
		return;
	buf_init(&b, CHANGE_MAX + 1024);
	writer_array(&w, 2);
	writer_text(&w,
	    slice_text(arena_printf(
		cx->arena, "%s/%.*s/%.*s", kind, SLICE_FMT(rq->envelope.mount), SLICE_FMT(name))));
	if (value.data == NULL)
		writer_nil(&w);
	else
		writer_bytes(&w, value);
	assert(!b.failed);
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count] = arena_copy(cx->arena, buf_slice(&b));
	*list = (struct slice_list){ items, list->count + 1 };
}

void
request_change(struct context *cx, struct request *rq, const char *kind, struct slice name,
    const struct schema *schema, const void *value)
{
	struct buf record SCOPED_BUF = { 0 };
	struct writer w = { &record };

	if (value == NULL) {
		request_change_raw(cx, rq, kind, name, SLICE_NONE);
		return;
	}
	buf_init(&record, CHANGE_MAX);
	schema_encode(schema, value, &w);
	assert(!record.failed);
	request_change_raw(cx, rq, kind, name, buf_slice(&record));
}

const struct catalog_issuer *
mount_issuer(const struct catalog_mount *mount, struct err *e)
{
	if (mount->issuer == NULL)
		err_field(e, ERR_NO_ISSUER, "mount", "mount \"%.*s\" has no CA yet",
		    SLICE_FMT(mount->name));
	return mount->issuer;
}

bool
format_parse(struct slice text, enum answer_format *ret, struct err *e)
{
	*ret = FORMAT_PEM;
	if (text.data == NULL || slice_is(text, "pem"))
		return true;
	*ret = FORMAT_DER;
	if (slice_is(text, "der"))
		return true;
	*ret = FORMAT_PEM_BUNDLE;
	if (slice_is(text, "pem_bundle"))
		return true;
	return err_field(e, ERR_INVALID_VALUE, "format", "the format is pem, der or pem_bundle");
}

struct slice
format_text(struct arena *a, enum answer_format format, const char *label, struct slice der)
{
	struct buf text SCOPED_BUF = { 0 };

	buf_init(&text, 2 * der.len + 1024);
	if (format == FORMAT_DER)
		base64_add(&text, der);
	else
		pem_add(&text, label, der);
	return arena_copy(a, buf_slice(&text));
}

struct slice
rfc3339_text(struct arena *a, int64_t time)
{
	char text[32];

	time_format_rfc3339(time, text);
	return arena_copy(a, slice_text(text));
}
