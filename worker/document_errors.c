#include "document.h"

#include "warnings.h"

/* clang-format off */
static const char front[] =
    "# Errors and warnings\n\n"
    "Made by `certmill-worker errors` from the lists that the worker answers by; not edited by hand.\n\n"
    "A request that is refused gets an answer with `status` `error` and `error` {`code`, `message`, `field`, `retryable`}\n"
    "([messages.md](messages.md)). The code is for programs and keeps its meaning; the message is for people and may be worded\n"
    "otherwise tomorrow; the field is the one of the request that is to blame, if one is. No code that is not listed here leaves certmill.\n"
    "Later versions may have more: treat one that you do not know by its `retryable`.\n\n"
    "**Retry: yes.** The same bytes under the same id may succeed later, and the refusal is not remembered. Send them again after a\n"
    "second, then after twice as long each time up to a minute, and give up when the answer is of no use any more.\n\n"
    "**Retry: no.** The same request gets the same refusal: mend it or its cause, and ask under a new id. (A refusal that an operation\n"
    "decided is remembered under its id for `windows.dedup`, an hour by default, like a success.)\n\n"
    "**No answer at all** is no error: the workers may be stopped, or the answer was missed. Send the same bytes again with their id; what was\n"
    "done is then answered, not done again.\n\n"
    "The same codes stand in `.rejects` (header `reason`: a message whose id could not be read), in `.audit` (`result`), in the log\n"
    "(`error=`, see [operations.md](operations.md)), and in what `certmill` says. Those of the engines and of configuration (from\n"
    "`view_lost` on) stand in the log more often than in an answer: a lane that meets one stops, and the requests wait.\n\n"
    "## Error codes\n\n"
    "| code | retry | cause | what to do |\n| --- | --- | --- | --- |\n";

static const char warnings_front[] =
    "\n## Warning codes\n\n"
    "Warnings stand in `warnings` of an answer, as maps of `code` and `message`. The request was done, or refused, all the same.\n\n"
    "| code | cause | what to do |\n| --- | --- | --- |\n";
/* clang-format on */

void
document_errors(struct buf *out)
{
	const struct warning_row *w;

	buf_add_text(out, front);
	for (enum err_code code = ERR_NONE + 1; code < ERR_COUNT; code++)
		buf_printf(out, "| `%s` | %s | %s | %s |\n", err_name(code),
		    err_can_retry(code) ? "yes" : "no", err_help(code), err_advice(code));
	buf_add_text(out, warnings_front);
	for (size_t i = 0; (w = warning_at(i)) != NULL; i++)
		buf_printf(out, "| `%s` | %s | %s |\n", w->code, w->help, w->advice);
}
