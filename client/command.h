/* The commands of the command line: each returns the program's exit status. */
#ifndef CERTMILL_COMMAND_H
#define CERTMILL_COMMAND_H

#include "options.h"

enum status command_mount(struct options *o);
enum status command_mounts(struct options *o);
enum status command_read(struct options *o);
enum status command_write(struct options *o);
enum status command_list(struct options *o);
enum status command_delete(struct options *o);
enum status request_file(struct options *o); /* certmill request */
enum status follow(struct options *o);       /* certmill follow */
enum status bench(struct options *o);        /* certmill bench */

#endif
