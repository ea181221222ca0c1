#include "key_check.h"

#include "scoped_openssl.h"

#include <openssl/core_names.h>

#include <stdlib.h>

#define FERMAT_ROUNDS       100 /* CA/Browser Forum BR 6.1.1.3 */
#define ROCA_PRIME_MAX      167
#define EXPONENT_OCTETS_MAX 32

DEFINE_SCOPED(BN_CTX, BN_CTX_free)

/* The odd primes below 752 (BR 6.1.6). */
/* clang-format off */
static const uint16_t primes[] = {
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67,
	71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157,
	163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257,
	263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367,
	373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467,
	479, 487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599,
	601, 607, 613, 617, 619, 631, 641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709,
	719, 727, 733, 739, 743, 751,
};
/* clang-format on */
#define PRIME_COUNT (sizeof(primes) / sizeof(primes[0]))

/* n modulo each prime. A division of the long number serves as many primes as fit into 32 bits. */
static bool
residues(const BIGNUM *n, uint16_t ret[static PRIME_COUNT])
{
	for (size_t first = 0, next; first < PRIME_COUNT; first = next) {
		uint64_t product = 1;
		BN_ULONG rest;

		for (next = first; next < PRIME_COUNT && product * primes[next] <= UINT32_MAX;
		     next++)
			product *= primes[next];
		rest = BN_mod_word(n, (BN_ULONG)product);
		if (rest == (BN_ULONG)-1)
			return false;
		for (size_t i = first; i < next; i++)
			ret[i] = (uint16_t)(rest % primes[i]);
	}
	return true;
}

/* Is x a power of 65537 modulo p? */
static bool
is_power(uint64_t x, uint64_t p)
{
	uint64_t power = 1;

	do {
		if (power == x)
			return true;
		power = power * 65537 % p;
	} while (power != 1);
	return false;
}

/*
 * ROCA (CVE-2017-15361): such primes are k * M + (65537^a mod M), M the product of the first primes, so the modulus is a
 * power of 65537 modulo each of them. Of other keys one in 2^27 is.
 */
static bool
is_roca(const uint16_t residue[static PRIME_COUNT])
{
	for (size_t i = 0; i < PRIME_COUNT && primes[i] <= ROCA_PRIME_MAX; i++)
		if (!is_power(residue[i], primes[i]))
			return false;
	return true;
}

/* The integer square root, by Newton's method from above. */
static BIGNUM *
square_root(const BIGNUM *n, BN_CTX *ctx)
{
	SCOPED(BIGNUM) x = BN_new();
	SCOPED(BIGNUM) y = BN_new();

	if (x == NULL || y == NULL || !BN_set_bit(x, (BN_num_bits(n) + 1) / 2))
		return NULL;
	for (;;) {
		if (!BN_div(y, NULL, n, x, ctx) || !BN_add(y, y, x) || !BN_rshift1(y, y))
			return NULL;
		if (BN_cmp(y, x) >= 0)
			return TAKE(x);
		BN_swap(x, y);
	}
}

#define SIEVE       (64 * 63 * 65 * 11)
#define SIEVE_COUNT 4

/* Squares modulo small numbers: of the numbers that are no squares, one in 120 passes all four. */
struct sieve {
	bool square[SIEVE_COUNT][65];
};
static const unsigned sieve_moduli[SIEVE_COUNT] = { 64, 63, 65, 11 };

static void
sieve_init(struct sieve *s)
{
	*s = (struct sieve){ 0 };
	for (size_t m = 0; m < SIEVE_COUNT; m++)
		for (unsigned i = 0; i < sieve_moduli[m]; i++)
			s->square[m][i * i % sieve_moduli[m]] = true;
}

static bool
sieve_passes(const struct sieve *s, uint64_t residue)
{
	for (size_t m = 0; m < SIEVE_COUNT; m++)
		if (!s->square[m][residue % sieve_moduli[m]])
			return false;
	return true;
}

/* Is a * a - n a square? 1, 0 or -1 for an error. */
static int
splits_at(const BIGNUM *n, const BIGNUM *a, BN_CTX *ctx)
{
	SCOPED(BIGNUM) rest = BN_new();
	SCOPED(BIGNUM) root = NULL;

	if (rest == NULL || !BN_sqr(rest, a, ctx) || !BN_sub(rest, rest, n))
		return -1;
	if (BN_is_negative(rest))
		return 0;
	if (BN_is_zero(rest))
		return 1;
	root = square_root(rest, ctx);
	if (root == NULL || !BN_sqr(root, root, ctx))
		return -1;
	return BN_cmp(root, rest) == 0;
}

/*
 * Fermat's factorisation: n = a^2 - b^2 for an a a little over the root of n when the primes are close. Only what the sieve
 * lets pass is computed in full. 1, 0 or -1 for an error.
 */
static int
has_close_primes(const BIGNUM *n, BN_CTX *ctx)
{
	SCOPED(BIGNUM) a = square_root(n, ctx);
	struct sieve sieve;
	uint64_t a_rest, n_rest;

	if (a == NULL)
		return -1;
	a_rest = BN_mod_word(a, SIEVE);
	n_rest = BN_mod_word(n, SIEVE);
	sieve_init(&sieve);
	for (int i = 0; i <= FERMAT_ROUNDS; i++) {
		uint64_t rest = (a_rest * a_rest + SIEVE - n_rest) % SIEVE;
		int splits = sieve_passes(&sieve, rest) ? splits_at(n, a, ctx) : 0;

		if (splits != 0)
			return splits;
		if (!BN_add_word(a, 1))
			return -1;
		a_rest = (a_rest + 1) % SIEVE;
	}
	return 0;
}

static bool
check_numbers(const BIGNUM *n, struct err *e)
{
	SCOPED(BN_CTX) ctx = BN_CTX_new();
	uint16_t residue[PRIME_COUNT];
	int close;

	if (ctx == NULL || !residues(n, residue))
		return err_openssl(e, "BN_mod_word");
	for (size_t i = 0; i < PRIME_COUNT; i++)
		if (residue[i] == 0)
			return err_set(e, ERR_WEAK_KEY, "the RSA modulus has the factor %u",
			    (unsigned)primes[i]);
	if (is_roca(residue))
		return err_set(e, ERR_WEAK_KEY,
		    "the RSA key was made by a library with the ROCA flaw (CVE-2017-15361)");
	close = has_close_primes(n, ctx);
	if (close < 0)
		return err_openssl(e, "BN_div");
	if (close > 0)
		return err_set(e, ERR_WEAK_KEY, "the RSA key's primes are too close to each other");
	return true;
}

bool
key_check_rsa(const struct spki *k, struct err *e)
{
	SCOPED(BIGNUM) n = NULL;

	if (k->bits < 2048)
		return err_set(e, ERR_WEAK_KEY,
		    "RSA keys under 2048 bits are weak; this one has %lld", (long long)k->bits);
	if (k->bits > 8192 || k->bits % 8 != 0)
		return err_set(e, ERR_WEAK_KEY,
		    "RSA keys have up to 8192 bits, a multiple of 8; this one has %lld",
		    (long long)k->bits);
	if ((k->e.data[k->e.len - 1] & 1) == 0)
		return err_set(e, ERR_WEAK_KEY, "the RSA exponent is even");
	if (k->e.len == 1 && k->e.data[0] < 3)
		return err_set(e, ERR_WEAK_KEY, "the RSA exponent is under 3");
	if (k->e.len > EXPONENT_OCTETS_MAX)
		return err_set(e, ERR_WEAK_KEY, "the RSA exponent is over 256 bits");
	if ((k->n.data[k->n.len - 1] & 1) == 0)
		return err_set(e, ERR_WEAK_KEY, "the RSA modulus is even");
	n = BN_bin2bn(k->n.data, (int)k->n.len, NULL);
	if (n == NULL)
		return err_openssl(e, "BN_bin2bn");
	return check_numbers(n, e);
}

/* OpenSSL's reading of a point refuses one that is off its curve. */
static bool
check_point(const struct spki *k, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	SCOPED(EVP_PKEY) key = NULL;
	SCOPED_FREE char *group = strdup(k->curve->group);
	SCOPED_FREE uint8_t *point = malloc(k->key.len);

	if (group == NULL || point == NULL)
		abort();
	memcpy(point, k->key.data, k->key.len);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, k->key.len),
		OSSL_PARAM_construct_end(),
	};
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0)
		return err_openssl(e, "EVP_PKEY_fromdata_init");
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0)
		return true;
	err_openssl(e, "EVP_PKEY_fromdata");
	return err_set(e, ERR_WEAK_KEY, "the EC point is not on its curve");
}

bool
key_check_spki(struct slice spki, enum key_type *ret_type, int64_t *ret_bits, struct err *e)
{
	struct spki k;

	if (!spki_read(spki, &k, e))
		return false;
	if (k.type == KEY_RSA && !key_check_rsa(&k, e))
		return false;
	if (k.type == KEY_EC && !check_point(&k, e))
		return false;
	*ret_type = k.type;
	*ret_bits = k.bits;
	return true;
}

bool
key_check(EVP_PKEY *key, enum key_type *ret_type, int64_t *ret_bits, struct err *e)
{
	uint8_t *der = NULL;
	int len;
	bool ok;

	/* first, so that a kind that is not taken is named */
	if (!key_identify(key, ret_type, ret_bits, e))
		return false;
	len = i2d_PUBKEY(key, &der);
	if (len <= 0)
		return err_openssl(e, "i2d_PUBKEY");
	ok = key_check_spki(slice_of(der, (size_t)len), ret_type, ret_bits, e);
	OPENSSL_free(der);
	return ok;
}
