import java.io.*;
import java.math.BigInteger;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Crls CA CERTIFICATE: follows the topic of CRLs, and says what the certificate is: good, revoked, or unknown: let nobody in. */
class Crls {
	static final String brokers = Objects.requireNonNullElse(System.getenv("CERTMILL_BROKERS"), "127.0.0.1:9092");
	static final String topic = Objects.requireNonNullElse(System.getenv("CERTMILL_PREFIX"), "certmill") + ".crl";
	static final Map<String, X509Certificate> issuers = new HashMap<>();
	static final Map<String, X509CRL> newest = new HashMap<>();

	/** The contents of the extension: an OCTET STRING with an INTEGER of less than 128 octets in it. */
	static BigInteger number(X509CRL crl) {
		byte[] der = crl.getExtensionValue("2.5.29.20");
		return new BigInteger(Arrays.copyOfRange(der, 4, der.length));
	}

	/** Takes the CRL if it is from whom its key says, and newer than the last; whoever wrote the record is not believed. */
	static void take(CertificateFactory x509, ConsumerRecord<String, byte[]> record) {
		String[] key = record.key() == null ? new String[0] : record.key().split("/");
		X509Certificate issuer = key.length == 3 ? issuers.get(key[1]) : null;
		if (issuer == null || record.value() == null) return;
		try {
			X509CRL crl = (X509CRL) x509.generateCRL(new ByteArrayInputStream(record.value())), last = newest.get(record.key());
			crl.verify(issuer.getPublicKey());
			if (!crl.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) return;
			if (last == null || number(crl).compareTo(number(last)) > 0) newest.put(record.key(), crl);
		} catch (GeneralSecurityException e) {
			return;
		}
	}

	/** By all CRLs of its issuer, the worst; without one, or with one that has ended, nothing is known. */
	static String state(X509Certificate leaf) {
		var words = new TreeSet<String>(); // in the alphabet the worst is the last
		for (X509CRL crl : newest.values()) {
			if (!crl.getIssuerX500Principal().equals(leaf.getIssuerX500Principal())) continue;
			String word = !crl.getNextUpdate().after(new Date()) ? "unknown" : crl.isRevoked(leaf) ? "revoked" : "good";
			words.add(word + " " + number(crl) + " " + crl.getNextUpdate());
		}
		return words.isEmpty() ? "unknown - -" : words.last();
	}

	public static void main(String[] words) throws Exception {
		CertificateFactory x509 = CertificateFactory.getInstance("X.509");
		for (var certificate : x509.generateCertificates(Files.newInputStream(Path.of(words[0])))) {
			byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
			issuers.put(HexFormat.of().formatHex(digest, 0, 16), (X509Certificate) certificate); // as the keys name them
		}
		X509Certificate leaf = (X509Certificate) x509.generateCertificate(Files.newInputStream(Path.of(words[1])));
		var consumer = new KafkaConsumer<>(
			Map.of("bootstrap.servers", brokers, "isolation.level", "read_committed", "max.partition.fetch.bytes", 64 << 20),
			new StringDeserializer(), new ByteArrayDeserializer());
		// no group: every partition, from the start: a compacted topic holds every current CRL
		var places = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
		consumer.assign(places);
		consumer.seekToBeginning(places);
		var ends = consumer.endOffsets(places);
		boolean known = false;
		for (String said = "", now; ; said = known ? now : said) {
			for (var record : consumer.poll(Duration.ofSeconds(1))) take(x509, record);
			known = known || places.stream().allMatch(place -> consumer.position(place) >= ends.get(place));
			now = state(leaf);
			if (known && !now.equals(said)) System.out.println(now);
		}
	}
}
