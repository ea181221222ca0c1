import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.msgpack.jackson.dataformat.MessagePackFactory;

/** Load BROKERS COUNT CSR: so many requests at once; prints ID OP STATUS SERIAL of each answer. See ../programs.py. */
class Load {
	static final int WINDOW = 200;
	static final long QUIET_NS = 2_000_000_000L;
	final ObjectMapper msgpack = new ObjectMapper(new MessagePackFactory());
	final String run = UUID.randomUUID().toString();
	final Deque<Object> issued = new ArrayDeque<>(); // serial numbers that may be revoked
	final Map<Object, Object> revoked = new HashMap<>(); // {request: serial number}
	int sent, answered;
	volatile Exception failed;

	ProducerRecord<String, byte[]> request(int number, String csr) throws Exception {
		String id = run + "-" + number, op = "issue", key = id;
		Map<String, Object> body = new HashMap<>(Map.of("v", 1, "id", id, "mount", "pki", "ts", System.currentTimeMillis()));
		Map<String, Object> params = Map.of("common_name", "java.example.com");
		if (number % 10 == 3) {
			op = "sign";
			params = Map.of("csr", csr, "common_name", "s.example.com");
		} else if (number % 10 == 7 && !issued.isEmpty()) {
			op = "revoke";
			key = "pki";
			revoked.put(id, issued.remove());
			params = Map.of("serial_number", revoked.get(id));
		}
		if (!op.equals("revoke")) body.put("role", "web");
		body.putAll(Map.of("op", op, "params", params));
		return new ProducerRecord<>("certmill." + op, key, msgpack.writeValueAsBytes(body));
	}

	void take(byte[] value) throws Exception {
		Map<?, ?> answer = msgpack.readValue(value, Map.class);
		Object serial = answer.get("op").equals("revoke") ? revoked.get(answer.get("id")) :
			answer.get("data") instanceof Map<?, ?> data ? data.get("serial") : "-";
		System.out.println(answer.get("id") + " " + answer.get("op") + " " + answer.get("status") + " " + serial);
		if (answer.get("op").equals("issue") && answer.get("status").equals("ok")) issued.add(serial);
		answered++;
	}

	void work(String brokers, int count, String csr) throws Exception {
		Map<String, Object> reads = Map.of("bootstrap.servers", brokers, "isolation.level", "read_committed");
		try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", brokers), new StringSerializer(), new ByteArraySerializer());
			var consumer = new KafkaConsumer<>(reads, new StringDeserializer(), new ByteArrayDeserializer())) {
			var places = consumer.partitionsFor("certmill.responses").stream().map(p -> new TopicPartition(p.topic(), p.partition())).toList();
			consumer.assign(places);
			consumer.seekToEnd(places);
			for (var place : places) consumer.position(place);
			for (long last = System.nanoTime(); answered < count || System.nanoTime() - last < QUIET_NS;) {
				for (; sent < count && sent < answered + WINDOW; sent++)
					producer.send(request(sent, csr), (place, e) -> failed = e != null ? e : failed);
				for (var record : consumer.poll(Duration.ofMillis(100)))
					if (record.key() != null && record.key().startsWith(run)) {
						take(record.value());
						last = System.nanoTime();
					}
				if (failed != null) throw failed;
			}
		}
	}

	public static void main(String[] words) throws Exception {
		new Load().work(words[0], Integer.parseInt(words[1]), Files.readString(Path.of(words[2])));
	}
}
