import com.fasterxml.jackson.databind.*;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.file.*;
import java.security.cert.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.msgpack.jackson.dataformat.MessagePackFactory;

/** Certs ROLE NAME CSR: issues a certificate, signs a CSR, revokes the first, and checks each answer. */
class Certs {
	static final String brokers = Objects.requireNonNullElse(System.getenv("CERTMILL_BROKERS"), "127.0.0.1:9092");
	static final String prefix = Objects.requireNonNullElse(System.getenv("CERTMILL_PREFIX"), "certmill");
	static final String timeout = Objects.requireNonNullElse(System.getenv("CERTMILL_TIMEOUT"), "10"); // s, of one attempt
	// the body is compared byte by byte, so a map is always written in one order
	final ObjectMapper msgpack = new ObjectMapper(new MessagePackFactory()).enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);
	final Producer<String, byte[]> producer =
		new KafkaProducer<>(Map.of("bootstrap.servers", brokers), new StringSerializer(), new ByteArraySerializer());
	final KafkaConsumer<String, byte[]> consumer = new KafkaConsumer<>( // what was not committed is no answer
		Map.of("bootstrap.servers", brokers, "isolation.level", "read_committed"), new StringDeserializer(), new ByteArrayDeserializer());
	final TopicPartition replies = new TopicPartition(prefix + ".responses", 0); // where all answers are to come

	/** The data of the answer. The same id and the same body again: the same answer, and nothing is done twice. */
	Map<?, ?> ask(String topic, String id, Map<String, Object> fields) throws Exception {
		Map<String, Object> request = new HashMap<>(fields);
		request.putAll(Map.of("v", 1, "id", id, "mount", "pki", "ts", System.currentTimeMillis()));
		byte[] value = msgpack.writeValueAsBytes(request);
		for (int attempt = 0; attempt < 6; attempt++) {
			var record = new ProducerRecord<>(prefix + "." + topic, topic.equals("revoke") ? "pki" : id, value);
			// the headers of Spring's ReplyingKafkaTemplate
			record.headers().add("kafka_replyTopic", replies.topic().getBytes()).add("kafka_correlationId", id.getBytes());
			record.headers().add("kafka_replyPartition", ByteBuffer.allocate(4).putInt(replies.partition()).array());
			producer.send(record).get();
			Map<?, ?> answer = answerTo(id);
			if (answer != null && answer.get("status").equals("ok")) return (Map<?, ?>) answer.get("data");
			if (answer != null && ((Map<?, ?>) answer.get("error")).get("retryable").equals(false)) throw new Exception(answer.toString());
			Thread.sleep(100 << attempt);
		}
		throw new Exception("no answer to " + id + " in 6 times " + timeout + " s");
	}

	Map<?, ?> answerTo(String id) throws Exception {
		for (long end = System.nanoTime() + Long.parseLong(timeout) * 1_000_000_000; System.nanoTime() < end;)
			for (var record : consumer.poll(Duration.ofMillis(100))) {
				var correlation = record.headers().lastHeader("kafka_correlationId"); // null: another's, who sent none
				if (correlation != null && id.equals(new String(correlation.value()))) return msgpack.readValue(record.value(), Map.class);
			}
		return null;
	}

	/** Is it for that name, and from the CA that it names? */
	static Object check(Map<?, ?> data, String name) throws Exception {
		var x509 = CertificateFactory.getInstance("X.509");
		var leaf = (X509Certificate) x509.generateCertificate(new ByteArrayInputStream(data.get("certificate").toString().getBytes()));
		leaf.verify(x509.generateCertificate(new ByteArrayInputStream(data.get("issuing_ca").toString().getBytes())).getPublicKey());
		if (!leaf.getSubjectX500Principal().getName().equals("CN=" + name)) throw new Exception("for another: " + leaf);
		return data.get("serial_number");
	}

	public static void main(String[] words) throws Exception {
		String role = words[0], name = words[1], csr = Files.readString(Path.of(words[2])), once = UUID.randomUUID().toString();
		Certs certmill = new Certs();
		certmill.consumer.assign(List.of(certmill.replies)); // no group; from the end that stands now
		certmill.consumer.seekToEnd(List.of(certmill.replies));
		certmill.consumer.position(certmill.replies);
		Map<String, Object> issue = Map.of("op", "issue", "role", role, "params", Map.of("common_name", name, "ttl", "24h"));
		Object issued = check(certmill.ask("issue", once, issue), name), again = check(certmill.ask("issue", once, issue), name);
		Map<String, Object> sign = Map.of("op", "sign", "role", role, "params", Map.of("csr", csr, "common_name", name));
		Object signed = check(certmill.ask("sign", UUID.randomUUID().toString(), sign), name);
		Map<String, Object> revoke = Map.of("op", "revoke", "params", Map.of("serial_number", issued));
		Object state = certmill.ask("revoke", UUID.randomUUID().toString(), revoke).get("state");
		if (!again.equals(issued) || !state.equals("revoked")) throw new Exception("another certificate, or it is not revoked");
		System.out.printf("issued %s%nsigned %s%nrevoked %s%n", issued, signed, issued);
	}
}
