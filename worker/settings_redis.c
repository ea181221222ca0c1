#include "settings.h"

#include "secret.h"

#include <stdlib.h>
#include <string.h>

static const char *
given(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* The first line of the file. */
static MUST_USE bool
password_load(const char *setting, const char *path, char **ret, struct err *e)
{
	struct buf text SCOPED_BUF = { 0 };
	struct err why;
	size_t len;

	if (path[0] == '\0')
		return true;
	if (!secret_file_read(path, &text, &why))
		return err_field(e, ERR_CONFIG, setting, "%s: %s", setting, why.msg);
	for (len = 0; len < text.len && strchr("\r\n", text.data[len]) == NULL;)
		len++;
	if (len == 0)
		return err_field(
		    e, ERR_CONFIG, setting, "%s: %s: no password in the first line", setting, path);
	*ret = strndup((const char *)text.data, len);
	if (*ret == NULL)
		abort();
	return true;
}

static void
password_free(char *password)
{
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
}

/* A name, a certificate or a CA without TLS would be believed to protect something. */
static MUST_USE bool
tls_make(struct settings *s, struct err *e)
{
	const struct store_tls_options o = { .ca_file = given(s->redis_tls_ca_file),
		.cert_file = given(s->redis_tls_cert_file),
		.key_file = given(s->redis_tls_key_file),
		.name = given(s->redis_tls_name) };

	if (s->redis_tls && s->redis_address[0] == '/')
		return err_field(e, ERR_CONFIG, "redis.tls",
		    "redis.tls = true, but redis.address is a socket, which has no TLS");
	if (!s->redis_tls &&
	    (o.ca_file != NULL || o.cert_file != NULL || o.key_file != NULL || o.name != NULL))
		return err_field(e, ERR_CONFIG, "redis.tls",
		    "redis.tls_... is set, but redis.tls is false: everything would go in clear");
	if (!s->redis_tls)
		return true;
	s->store_tls = store_tls_new(&o, e);
	return s->store_tls != NULL;
}

static MUST_USE bool
sentinels_make(struct settings *s, struct err *e)
{
	struct sentinel_options o = { .addresses = s->redis_sentinels,
		.master = s->redis_sentinel_master,
		.user = given(s->redis_sentinel_user) };
	char *password = NULL;

	if (s->redis_sentinels[0] == '\0' && s->redis_sentinel_master[0] == '\0')
		return true;
	if (s->redis_sentinels[0] == '\0' || s->redis_sentinel_master[0] == '\0')
		return err_set(e, ERR_CONFIG,
		    "redis.sentinels and redis.sentinel_master: one is nothing without the other");
	if (s->redis_address[0] != '\0')
		return err_field(e, ERR_CONFIG, "redis.address",
		    "redis.address and redis.sentinels: only one of them may say where Redis is");
	if (!password_load(
		"redis.sentinel_password_file", s->redis_sentinel_password_file, &password, e))
		return false;
	o.password = password;
	s->sentinels = sentinels_new(&o, e);
	password_free(password);
	return s->sentinels != NULL;
}

bool
settings_redis(struct settings *s, struct err *e)
{
	if (!password_load("redis.password_file", s->redis_password_file, &s->redis_password, e) ||
	    !tls_make(s, e) || !sentinels_make(s, e))
		return false;
	s->store = (struct store_options){
		.address = s->redis_address[0] != '\0' ? s->redis_address : "127.0.0.1:6379",
		.sentinels = s->sentinels,
		.tls = s->store_tls,
		.user = given(s->redis_user),
		.password = s->redis_password,
		.db = s->redis_db,
		.timeout_ms = s->redis_timeout * 1000,
	};
	return true;
}

void
settings_redis_free(struct settings *s)
{
	password_free(s->redis_password);
	store_tls_free(s->store_tls);
	sentinels_free(s->sentinels);
}
