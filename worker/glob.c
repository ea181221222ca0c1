#include "glob.h"

#include "name.h"

static bool
same(uint8_t a, uint8_t b, bool folded)
{
	return a == b || (folded && name_fold(a) == name_fold(b));
}

/* What stands behind the last '*' is compared first: most of what does not match fails there, without a search. */
static bool
tail_matches(struct slice pattern, struct slice subject, bool folded)
{
	for (size_t i = 0; i < pattern.len; i++) {
		uint8_t c = pattern.data[pattern.len - 1 - i];

		if (c == '*')
			return true;
		if (i >= subject.len || !same(c, subject.data[subject.len - 1 - i], folded))
			return false;
	}
	return pattern.len == subject.len;
}

/* After a mismatch the last '*' swallows one octet more. */
static bool
match(struct slice pattern, struct slice subject, bool folded)
{
	size_t p = 0, s = 0, star = SIZE_MAX, resume = 0;

	if (!tail_matches(pattern, subject, folded))
		return false;
	while (s < subject.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			star = p++;
			resume = s;
		} else if (p < pattern.len && same(pattern.data[p], subject.data[s], folded)) {
			p++;
			s++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			s = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

bool
glob_match(struct slice pattern, struct slice subject)
{
	return match(pattern, subject, false);
}

bool
glob_match_folded(struct slice pattern, struct slice subject)
{
	return match(pattern, subject, true);
}
