// certs.js ROLE NAME CSR: issues a certificate, signs a CSR, revokes the first, and checks each answer.
'use strict';
const assert = require('node:assert');
const { randomUUID, X509Certificate } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { decode, encode } = require('@msgpack/msgpack');
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');

// the workers' answers are compressed with Snappy, which kafkajs leaves to another package
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');

const { CERTMILL_BROKERS = '127.0.0.1:9092', CERTMILL_PREFIX: prefix = 'certmill', CERTMILL_TIMEOUT = '10' } = process.env;
const timeout = 1000 * CERTMILL_TIMEOUT; // ms, of one attempt
const attempts = 6;
const kafka = new Kafka({ brokers: CERTMILL_BROKERS.split(','), logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true }); // murmur2, as the workers look for it
const consumer = kafka.consumer({ groupId: `certmill-example-${randomUUID()}`, readUncommitted: false });
const waiting = new Map(); // id: what to do with the answer

// Every answer is looked at, from the end that stands now.
async function open() {
	const topic = `${prefix}.responses`, admin = kafka.admin();
	await Promise.all([producer.connect(), consumer.connect(), admin.connect()]);
	const ends = await admin.fetchTopicOffsets(topic);
	await admin.disconnect();
	await consumer.subscribe({ topic });
	await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => waiting.get(`${message.key}`)?.(decode(message.value)) });
	ends.forEach(({ partition, high }) => consumer.seek({ topic, partition, offset: high }));
}

// The data of the answer. The same id and the same body again: the same answer, and nothing is done twice.
async function ask(topic, op, params, role, id = randomUUID()) {
	const value = Buffer.from(encode({ v: 1, id, op, mount: 'pki', params, ts: Date.now(), role }, { ignoreUndefined: true }));
	for (let attempt = 0; attempt < attempts; attempt++) {
		const answered = new Promise((resolve) => waiting.set(id, resolve));
		await producer.send({ topic: `${prefix}.${topic}`, acks: -1, messages: [{ key: role ? id : 'pki', value }] });
		const answer = await Promise.race([answered, sleep(timeout, null, { ref: false })]);
		if (answer?.status === 'ok') return answer.data;
		if (answer && !answer.error.retryable) throw new Error(`${op}: ${answer.error.code}: ${answer.error.message}`);
		await sleep(100 * 2 ** attempt);
	}
	throw new Error(`${op}: no answer to ${id} in ${attempts} times ${timeout} ms`);
}

// Is it for that name, and from the CA that it names?
function check(data, name) {
	const certificate = new X509Certificate(data.certificate);
	assert(certificate.verify(new X509Certificate(data.issuing_ca).publicKey));
	assert.equal(certificate.checkHost(name), name);
	return data.serial_number;
}

async function main([role, name, csr]) {
	await open();
	const params = { common_name: name, ttl: '24h' }, once = randomUUID();
	const issued = check(await ask('issue', 'issue', params, role, once), name);
	console.log('issued', issued);
	assert.equal(check(await ask('issue', 'issue', params, role, once), name), issued);
	const signed = await ask('sign', 'sign', { csr: readFileSync(csr, 'utf8'), common_name: name }, role);
	console.log('signed', check(signed, name));
	const revoked = await ask('revoke', 'revoke', { serial_number: issued });
	assert.equal(revoked.state, 'revoked');
	console.log('revoked', issued);
	await Promise.all([producer.disconnect(), consumer.disconnect()]);
}

main(process.argv.slice(2)).catch((error) => (console.error(error.message), process.exit(1)));
