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

/** Crls CA CERTIFICATE: follows the topic of CRLs, and says at each newer one whether the certificate is on it. */
class Crls {
	static final String brokers = Objects.requireNonNullElse(System.getenv("CERTMILL_BROKERS"), "127.0.0.1:9092");
	static final String topic = Objects.requireNonNullElse(System.getenv("CERTMILL_PREFIX"), "certmill") + ".crl";
	static final Map<String, X509Certificate> issuers = new HashMap<>();
	static final Map<String, BigInteger> newest = new HashMap<>();

	/** The contents of the extension: an OCTET STRING with an INTEGER of less than 128 octets in it. */
	static BigInteger number(X509CRL crl) {
		byte[] der = crl.getExtensionValue("2.5.29.20");
		return new BigInteger(Arrays.copyOfRange(der, 4, der.length));
	}

	/** The CRL, if it is from whom its key says, and newer than the last; whoever wrote the record is not believed. */
	static X509CRL take(CertificateFactory x509, ConsumerRecord<String, byte[]> record) {
		String[] key = record.key().split("/");
		X509Certificate issuer = key.length == 3 ? issuers.get(key[1]) : null;
		if (issuer == null || record.value() == null) return null;
		try {
			X509CRL crl = (X509CRL) x509.generateCRL(new ByteArrayInputStream(record.value()));
			crl.verify(issuer.getPublicKey());
			if (!crl.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) return null;
			if (number(crl).compareTo(newest.getOrDefault(record.key(), BigInteger.valueOf(-1))) <= 0) return null;
			newest.put(record.key(), number(crl));
			return crl;
		} catch (GeneralSecurityException e) {
			return null;
		}
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
		while (true)
			for (var record : consumer.poll(Duration.ofSeconds(1))) {
				X509CRL crl = take(x509, record);
				if (crl == null || !crl.getIssuerX500Principal().equals(leaf.getIssuerX500Principal())) continue;
				String state = crl.isRevoked(leaf) ? "revoked" : "good";
				System.out.println(number(crl) + " " + state + " until " + crl.getNextUpdate());
			}
	}
}
