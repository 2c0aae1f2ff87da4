/* Whom a client with a CA file believes: each row is judged by both libraries, and alike. */
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/tls_common.h"
#include "tls_link.h"

#define DAY_S 86400
#define YEAR_S (365 * DAY_S)

struct cert {
	EVP_PKEY *key;
	X509 *x509;
};

/* What a certificate says; empty texts leave an extension out. */
struct spec {
	const char *name;
	const char *alternative;
	const char *constraints;
	const char *usage;
	long from_s, to_s; /* from the present hour; both 0: an hour ago and a year on */
	/* A server with Mbed TLS does not even show it. */
	bool only_openssl_shows;
};

/* Who is in the CA file, and who signs. */
enum issuer { ROOT, INTERMEDIATE, NO_CA, EXPIRED_ROOT, STRANGER };

static struct cert root, renewed_root, expired_root, stranger, intermediate, no_ca;
static char root_file[128], both_roots_file[128], expired_file[128], intermediate_file[128];

static const struct spec leaf_spec = {.name = "gw.test", .alternative = "DNS:gw.test"};

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX v3;
	X509_EXTENSION *extension;

	if (value == NULL || value[0] == '\0')
		return;
	X509V3_set_ctx_nodb(&v3);
	X509V3_set_ctx(&v3, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	CHECK(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static struct cert cert_new(const struct spec *spec, EVP_PKEY *key, const struct cert *issuer)
{
	static long serial = 1;
	struct cert cert = {key, X509_new()};
	X509_NAME *name = X509_get_subject_name(cert.x509);
	bool dated = spec->from_s != 0 || spec->to_s != 0;

	X509_set_version(cert.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert.x509), dated ? spec->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert.x509), dated ? spec->to_s : YEAR_S);
	CHECK(X509_set_pubkey(cert.x509, key) == 1);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)spec->name, -1, -1,
				   0);
	X509_set_issuer_name(cert.x509, issuer ? X509_get_subject_name(issuer->x509) : name);
	add_extension(cert.x509, NID_subject_alt_name, spec->alternative);
	add_extension(cert.x509, NID_basic_constraints, spec->constraints);
	add_extension(cert.x509, NID_ext_key_usage, spec->usage);
	CHECK(X509_sign(cert.x509, issuer ? issuer->key : key, EVP_sha256()) > 0);
	return cert;
}

/* A file of certificates and, if there is one, a key. */
static void write_pem(X509 *const certs[], size_t count, EVP_PKEY *key, char ret_file[static 128])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *copy;
	long size;

	for (size_t i = 0; i < count; i++)
		CHECK(PEM_write_bio_X509(bio, certs[i]) == 1);
	if (key != NULL)
		CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	size = BIO_get_mem_data(bio, &text);
	copy = strndup(text, (size_t)size);
	link_write_file(copy, ret_file);
	free(copy);
	BIO_free(bio);
}

static void make_authorities(void)
{
	static const char ca[] = "critical,CA:TRUE";
	struct spec root_spec = {.name = "root", .constraints = ca};
	struct spec old_spec = root_spec, other_spec = root_spec;
	struct spec between_spec = {.name = "between", .constraints = ca};
	struct spec no_ca_spec = {.name = "no ca", .constraints = "critical,CA:FALSE"};

	old_spec.from_s = -2 * (long)YEAR_S;
	old_spec.to_s = -DAY_S;
	other_spec.name = "stranger";
	root = cert_new(&root_spec, EVP_EC_gen("P-384"), NULL);
	EVP_PKEY_up_ref(root.key);
	renewed_root = cert_new(&root_spec, root.key, NULL);
	EVP_PKEY_up_ref(root.key);
	expired_root = cert_new(&old_spec, root.key, NULL);
	stranger = cert_new(&other_spec, EVP_EC_gen("P-256"), NULL);
	intermediate = cert_new(&between_spec, EVP_RSA_gen(2048), &root);
	no_ca = cert_new(&no_ca_spec, EVP_EC_gen("P-256"), &root);
	write_pem(&root.x509, 1, NULL, root_file);
	write_pem((X509 *[]){expired_root.x509, renewed_root.x509}, 2, NULL, both_roots_file);
	write_pem(&expired_root.x509, 1, NULL, expired_file);
	write_pem(&intermediate.x509, 1, NULL, intermediate_file);
}

static void cert_free(struct cert *cert)
{
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
}

static void free_authorities(void)
{
	struct cert *certs[] = {&root,	   &renewed_root, &expired_root,
				&stranger, &intermediate, &no_ca};
	const char *files[] = {root_file, both_roots_file, expired_file, intermediate_file};

	for (size_t i = 0; i < ARRAY_SIZE(certs); i++)
		cert_free(certs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
}

static const struct cert *issuer_of(enum issuer issuer)
{
	const struct cert *issuers[] = {&root, &intermediate, &no_ca, &expired_root, &stranger};

	return issuers[issuer];
}

static void judge_by(const struct tls_kind *client, const struct tls_kind *server,
		     const struct tls_client_config *config, const char *cert_file,
		     const char *key_file, const char *word)
{
	int failed = test_failed;
	struct tls_link link;

	link_new(&link, client, link_client(client, config), server,
		 link_server(server, cert_file, key_file));
	link_shake_hands(&link);
	EXPECT_TEXT(link_outcome(&link), word);
	if (test_failed > failed)
		printf("  by %s from %s, for %s: %s\n", client->name, server->name,
		       config->server_name, tls_failure_text(link.client.tls));
	link_free(&link);
}

/* How a client of each kind ends that asks for `name` by `now_s` with this CA file, if a server
 * of each kind shows a leaf like this with its issuer behind it. */
static void judge(const struct spec *spec, enum issuer issuer, EVP_PKEY *key, const char *ca_file,
		  const char *name, int64_t now_s, const char *word)
{
	const struct cert *signer = issuer_of(issuer);
	struct cert leaf = cert_new(spec, key, signer);
	struct tls_client_config config = {.ca_file = ca_file, .server_name = name, .now_s = now_s};
	char cert_file[128], key_file[128];

	write_pem((X509 *[]){leaf.x509, signer->x509}, 2, NULL, cert_file);
	write_pem(NULL, 0, key, key_file);
	for (size_t i = 0; i < ARRAY_SIZE(tls_kinds); i++) {
		size_t servers = spec->only_openssl_shows ? 1 : ARRAY_SIZE(tls_kinds);

		for (size_t j = 0; j < servers; j++)
			judge_by(&tls_kinds[i], &tls_kinds[j], &config, cert_file, key_file, word);
	}
	unlink(cert_file);
	unlink(key_file);
	cert_free(&leaf);
}

static void names_are_compared(void)
{
	static const struct {
		const char *common, *alternative, *asked, *word;
	} rows[] = {
		{"gw.test", "DNS:gw.test", "gw.test", ""},
		{"gw.test", "DNS:gw.test", "GW.test", ""},
		{"gw.test", "DNS:a.test,DNS:gw.test", "gw.test", ""},
		{"gw.test", "DNS:other.test", "gw.test", "certificate"},
		{"gw.test", "", "gw.test", ""},
		{"other.test", "", "gw.test", "certificate"},
		{"x", "DNS:*.gw.test", "a.gw.test", ""},
		{"x", "DNS:*.gw.test", "a.b.gw.test", "certificate"},
		{"x", "DNS:*.gw.test", "gw.test", "certificate"},
		{"x", "DNS:a*.gw.test", "ab.gw.test", "certificate"},
		{"x", "IP:192.0.2.1", "192.0.2.1", ""},
		{"x", "IP:192.0.2.1,IP:2001:db8::1", "2001:db8::1", ""},
		{"x", "IP:192.0.2.2", "192.0.2.1", "certificate"},
		{"x", "DNS:192.0.2.1", "192.0.2.1", "certificate"},
		{"192.0.2.1", "", "192.0.2.1", "certificate"},
		{"x", "IP:192.0.2.1", "gw.test", "certificate"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spec spec = {.name = rows[i].common, .alternative = rows[i].alternative};

		judge(&spec, ROOT, EVP_EC_gen("P-256"), root_file, rows[i].asked, time(NULL),
		      rows[i].word);
	}
}

static void dates_are_judged(void)
{
	int64_t now_s = time(NULL), unset_s = 1000, floor_s = tls_judging_time(0);
	const struct {
		long from_s, to_s;
		int64_t now_s;
		const char *word;
	} rows[] = {
		{-DAY_S, DAY_S, now_s, ""},
		{-2 * DAY_S, -DAY_S, now_s, "certificate"},
		{DAY_S, 2 * DAY_S, now_s, "certificate"},
		/* A clock that was never set postpones nothing, */
		{DAY_S, 2 * DAY_S, unset_s, ""},
		/* but what had expired when the program was built has expired. */
		{floor_s - now_s - 2 * DAY_S, floor_s - now_s - DAY_S, unset_s, "certificate"},
		{floor_s - now_s - 2 * DAY_S, floor_s - now_s + DAY_S, unset_s, ""},
		/* The build's own date is late enough for a clock to be believed. */
		{floor_s - now_s + DAY_S, floor_s - now_s + 2 * DAY_S, floor_s, "certificate"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spec spec = leaf_spec;

		spec.from_s = rows[i].from_s;
		spec.to_s = rows[i].to_s;
		judge(&spec, ROOT, EVP_EC_gen("P-256"), root_file, "gw.test", rows[i].now_s,
		      rows[i].word);
	}
}

static void chains_are_followed(void)
{
	const struct {
		enum issuer issuer;
		const char *ca_file;
		const char *word;
	} rows[] = {
		{ROOT, root_file, ""},
		{INTERMEDIATE, root_file, ""},
		{STRANGER, root_file, "certificate"},
		{NO_CA, root_file, "certificate"},
		/* What stands in the file has to be a root. */
		{INTERMEDIATE, intermediate_file, "certificate"},
		{EXPIRED_ROOT, expired_file, "certificate"},
		/* A renewed root has the old one's name and key; either may come first. */
		{ROOT, both_roots_file, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		judge(&leaf_spec, rows[i].issuer, EVP_EC_gen("P-256"), rows[i].ca_file, "gw.test",
		      time(NULL), rows[i].word);
}

/* Of the back end with Mbed TLS, which does not parse the same bundle for each connection. */
struct tls_authorities;
int tls_authorities_load(const char *path, struct tls_authorities **ret_authorities);
void tls_authorities_free(struct tls_authorities *authorities);

static void overwrite(const char *path, const struct cert *cert)
{
	BIO *bio = BIO_new_file(path, "w");

	EXPECT(bio != NULL && PEM_write_bio_X509(bio, cert->x509) == 1);
	BIO_free(bio);
}

static void authorities_are_read_again(void)
{
	struct tls_authorities *first = NULL, *again = NULL, *other = NULL, *none = NULL;
	char file[128];

	write_pem(&root.x509, 1, NULL, file);
	judge(&leaf_spec, ROOT, EVP_EC_gen("P-256"), file, "gw.test", time(NULL), "");
	EXPECT_EQUAL(tls_authorities_load(root_file, &first), 0);
	EXPECT_EQUAL(tls_authorities_load(file, &again), 0);
	EXPECT(first == again);
	overwrite(file, &stranger);
	EXPECT_EQUAL(tls_authorities_load(file, &other), 0);
	EXPECT(first != other);
	judge(&leaf_spec, ROOT, EVP_EC_gen("P-256"), file, "gw.test", time(NULL), "certificate");
	EXPECT_EQUAL(truncate(file, 0), 0);
	EXPECT(tls_authorities_load(file, &none) < 0 && none == NULL);
	unlink(file);
	EXPECT(tls_authorities_load(file, &none) < 0 && none == NULL);
	tls_authorities_free(first);
	tls_authorities_free(again);
	tls_authorities_free(other);
}

static void keys_and_uses_are_judged(void)
{
	struct spec server = leaf_spec, client = leaf_spec;

	server.usage = "serverAuth,clientAuth";
	client.usage = "clientAuth";
	client.only_openssl_shows = true;
	judge(&server, ROOT, EVP_EC_gen("P-256"), root_file, "gw.test", time(NULL), "");
	judge(&client, ROOT, EVP_EC_gen("P-256"), root_file, "gw.test", time(NULL), "certificate");
	judge(&leaf_spec, ROOT, EVP_EC_gen("P-384"), root_file, "gw.test", time(NULL), "");
	judge(&leaf_spec, ROOT, EVP_RSA_gen(2048), root_file, "gw.test", time(NULL), "");
	judge(&leaf_spec, INTERMEDIATE, EVP_RSA_gen(3072), root_file, "gw.test", time(NULL), "");
}

int main(void)
{
	make_authorities();
	names_are_compared();
	dates_are_judged();
	chains_are_followed();
	authorities_are_read_again();
	keys_and_uses_are_judged();
	free_authorities();
	return test_summary();
}
