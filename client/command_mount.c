/* The commands that name a mount, or what it issued, without a path. */
#include "command.h"
#include "session.h"
#include "show.h"

/* pki/ and pki are the same mount. */
static const char *
mount_name(struct options *o, const char *path)
{
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] == '/')
		len--;
	return arena_text(&o->arena, slice_of(path, len));
}

static void
session_route(struct session *s, enum op op, const char *mount, enum show show)
{
	s->route = (struct route){ .contract = &contracts[op], .mount = mount, .show = show };
}

/* The key=value words behind the first, which is not one. */
static MUST_USE bool
session_read_words(struct session *s, struct err *e)
{
	struct options *o = s->o;

	return show_check(o, e) &&
	    arguments_read(o->words + 1, o->word_count - 1, stdin, &s->args, e);
}

/* An option that is another way to write a word. */
static MUST_USE bool
session_add_option(struct session *s, const char *name, const char *value, struct err *e)
{
	if (value == NULL)
		return true;
	if (arguments_find(&s->args, name) != NULL)
		return err_field(e, ERR_INVALID_VALUE, name, "%s stands twice", name);
	arguments_add(&s->args, name, slice_text(value));
	return true;
}

/* -default-lease-ttl and -max-lease-ttl, and for a mount that is made -description. */
static MUST_USE bool
session_add_options(struct session *s, struct err *e)
{
	const struct options *o = s->o;

	return session_add_option(s, "default_ttl", o->default_lease_ttl, e) &&
	    session_add_option(s, "max_ttl", o->max_lease_ttl, e) &&
	    session_add_option(s, "description", o->description, e);
}

enum status
command_mount(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	if (strcmp(o->words[0], "pki") != 0) {
		(void)err_set(
		    &e, ERR_INVALID_VALUE, "only `pki` can be mounted, not \"%.80s\"", o->words[0]);
		return fail_with(&e);
	}
	session_route(
	    &s, OP_MOUNT_WRITE, mount_name(o, o->path == NULL ? "pki" : o->path), SHOW_SUCCESS);
	if (!session_read_words(&s, &e) || !session_add_options(&s, &e))
		return fail_with(&e);
	return session_run(
	    &s, arena_printf(&o->arena, "Successfully mounted 'pki' at '%s'!", s.route.mount));
}

enum status
command_mount_tune(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	session_route(&s, OP_MOUNT_TUNE, mount_name(o, o->words[0]), SHOW_SUCCESS);
	if (!session_read_words(&s, &e) || !session_add_options(&s, &e))
		return fail_with(&e);
	return session_run(
	    &s, arena_printf(&o->arena, "Successfully tuned mount '%s'!", s.route.mount));
}

enum status
command_unmount(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	session_route(&s, OP_MOUNT_DELETE, mount_name(o, o->words[0]), SHOW_SUCCESS);
	if (!session_read_words(&s, &e))
		return fail_with(&e);
	return session_run(
	    &s, arena_printf(&o->arena, "Successfully unmounted '%s'!", s.route.mount));
}

enum status
command_mounts(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	if (!show_check(o, &e))
		return fail_with(&e);
	session_route(&s, OP_MOUNT_LIST, "pki", SHOW_MOUNTS);
	return session_run(&s, "");
}

enum status
command_status(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	if (!show_check(o, &e))
		return fail_with(&e);
	session_route(&s, OP_STATUS, "pki", SHOW_STATUS);
	return session_run(&s, "");
}

/* The paths whose answers have a lease. What stands before one of them in a lease's id is the mount. */
static const char *const leased[] = { "/issue/", "/sign/", "/sign-verbatim/", "/config/ca/sign/" };

static MUST_USE bool
lease_mount(struct options *o, const char *lease_id, const char **ret, struct err *e)
{
	const char *end = NULL;

	for (size_t i = 0; i < sizeof(leased) / sizeof(leased[0]); i++) {
		const char *at = strstr(lease_id, leased[i]);

		if (at != NULL && at > lease_id && (end == NULL || at < end))
			end = at;
	}
	if (end == NULL)
		return err_field(e, ERR_INVALID_VALUE, "lease_id",
		    "\"%.80s\" is no lease id: they look like pki/issue/web/5e-62-...", lease_id);
	*ret = arena_text(&o->arena, slice_of(lease_id, (size_t)(end - lease_id)));
	return true;
}

enum status
command_revoke(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	const char *mount = NULL;
	struct err e = { 0 };

	session_init(&s, o);
	if (!lease_mount(o, o->words[0], &mount, &e))
		return fail_with(&e);
	session_route(&s, OP_REVOKE, mount, SHOW_DATA);
	if (!session_read_words(&s, &e) || !session_add_option(&s, "lease_id", o->words[0], &e))
		return fail_with(&e);
	return session_run(&s, arena_printf(&o->arena, "Success! Revoked: %s", o->words[0]));
}
