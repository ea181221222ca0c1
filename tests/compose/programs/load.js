// load.js BROKERS COUNT CSR: so many requests at once; prints ID OP STATUS SERIAL of each answer. See ../programs.py.
'use strict';
const { randomUUID } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { decode, encode } = require('@msgpack/msgpack');
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');

const WINDOW = 200, QUIET_MS = 2000;
const run = randomUUID();
const issued = []; // serial numbers that may be revoked
const revoked = new Map(); // {request: serial number}
let sent = 0, answered = 0, last = Date.now();

function request(number, csr) {
	const id = `${run}-${number}`;
	const body = { v: 1, id, mount: 'pki', ts: Date.now(), op: 'issue', role: 'web', params: { common_name: 'node.example.com' } };
	let topic = 'issue', key = id;
	if (number % 10 === 3) {
		topic = body.op = 'sign';
		body.params = { csr, common_name: 's.example.com' };
	} else if (number % 10 === 7 && issued.length > 0) {
		topic = body.op = 'revoke';
		key = 'pki';
		revoked.set(id, issued.shift());
		body.params = { serial_number: revoked.get(id) };
		delete body.role;
	}
	return { topic: `certmill.${topic}`, messages: [{ key, value: Buffer.from(encode(body)) }] };
}

async function take({ message }) {
	if (!`${message.key}`.startsWith(run)) return;
	const { id, op, status, data } = decode(message.value);
	console.log(id, op, status, data?.serial ?? revoked.get(id) ?? '-');
	if (op === 'issue' && status === 'ok') issued.push(data.serial);
	answered++;
	last = Date.now();
}

async function main([brokers, words, file]) {
	const count = Number(words), csr = readFileSync(file, 'utf8'), topic = 'certmill.responses';
	const retry = { retries: 20 }; // a broker is restarted
	const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry });
	const producer = kafka.producer({ idempotent: true, retry });
	const consumer = kafka.consumer({ groupId: run, readUncommitted: false, retry });
	const admin = kafka.admin();
	await Promise.all([producer.connect(), consumer.connect(), admin.connect()]);
	const ends = await admin.fetchTopicOffsets(topic);
	await consumer.subscribe({ topic });
	await consumer.run({ autoCommit: false, eachMessage: take });
	ends.forEach(({ partition, high }) => consumer.seek({ topic, partition, offset: high }));
	while (answered < count || Date.now() - last < QUIET_MS) {
		const topicMessages = [];
		for (; sent < count && sent < answered + WINDOW; sent++) topicMessages.push(request(sent, csr));
		if (topicMessages.length > 0) await producer.sendBatch({ topicMessages, acks: -1 });
		else await sleep(20);
	}
	await Promise.all([producer.disconnect(), consumer.disconnect(), admin.disconnect()]);
}

main(process.argv.slice(2)).catch((error) => (console.error(error.stack), process.exit(1)));
