# shellcheck shell=bash
# Completion for certmill-worker: its own help has the commands and the options.

_certmill_worker() {
	local current=${COMP_WORDS[COMP_CWORD]} words
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(certmill-worker --help | sed -n 's/^  \([a-z-]*\) .*/\1/p')
	elif [[ $current == -* ]]; then
		words=$(certmill-worker --help | sed -n 's/^  \(--[a-z]*\) .*/\1/p')
	else
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _certmill_worker certmill-worker
