# shellcheck shell=bash
# Completion for certmill: its own help has the commands and, after one, the options.

_certmill() {
	local current=${COMP_WORDS[COMP_CWORD]} words
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(certmill -help | sed -n '/^$/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
	elif [[ $current == -* ]]; then
		words=$(certmill "${COMP_WORDS[1]}" -help 2>/dev/null | sed -n 's/^  \(-[a-z-]*\) .*/\1/p')
	else
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _certmill certmill
