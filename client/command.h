/* The commands of the command line: each returns the program's exit status. Their table is in command.c. */
#ifndef CERTMILL_COMMAND_H
#define CERTMILL_COMMAND_H

#include "contract.h"
#include "options.h"

struct command {
	const char *name, *words;
	size_t least, most; /* words */
	enum status (*run)(struct options *o);
	const char *help;
	const struct contract
	    *contract; /* whose parameters it takes as words; NULL: the path says */
};

const struct command *command_at(size_t i); /* NULL behind the last */
/* The command that the options name, or the help that they ask for. */
enum status command_run(struct options *o);

/* Each has at least the words that its row asks for. */
enum status command_mount(struct options *o);
enum status command_unmount(struct options *o);
enum status command_mount_tune(struct options *o);
enum status command_mounts(struct options *o);
enum status command_status(struct options *o);
enum status command_read(struct options *o);
enum status command_write(struct options *o);
enum status command_patch(struct options *o);
enum status command_list(struct options *o);
enum status command_delete(struct options *o);
enum status command_revoke(struct options *o);
enum status path_help(struct options *o);    /* certmill path-help */
enum status manual(struct options *o);       /* certmill manual */
enum status request_file(struct options *o); /* certmill request */
enum status follow(struct options *o);       /* certmill follow */
enum status audit(struct options *o);        /* certmill audit */
enum status rejects(struct options *o);      /* certmill rejects */
enum status bench(struct options *o);        /* certmill bench */

#endif
