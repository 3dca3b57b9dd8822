// jssip_phone.js: JsSIP as a phone without a browser: WebSocket comes from ws, media is made up.
//
//   node jssip_phone.js CONTROL-PORT AOR WEBSOCKET-URL...
//
// Takes commands (register, dial URI, hangup) and tells events, a JSON object a line, on 127.0.0.1:CONTROL-PORT. Of several
// servers JsSIP takes the first, and the next one when it is gone.

'use strict';

const net = require('node:net');
const events = require('node:events');

// What a browser would bring along.
const SDP = 'v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n';

class PeerConnection extends events.EventEmitter {
	constructor() {
		super();
		this.signalingState = 'stable';
		this.iceConnectionState = 'connected';
		this.iceGatheringState = 'complete';
		this.localDescription = null;
		this.remoteDescription = null;
	}

	addEventListener(name, listener) {
		this.on(name, listener);
	}

	removeEventListener(name, listener) {
		this.off(name, listener);
	}

	createOffer() {
		return Promise.resolve({ type: 'offer', sdp: SDP });
	}

	createAnswer() {
		return Promise.resolve({ type: 'answer', sdp: SDP });
	}

	setLocalDescription(description) {
		this.localDescription = description;
		this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
		return Promise.resolve();
	}

	setRemoteDescription(description) {
		this.remoteDescription = description;
		this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
		return Promise.resolve();
	}

	getSenders() {
		return [];
	}

	addTrack() {}

	close() {
		this.signalingState = 'closed';
	}
}

globalThis.window = globalThis;
globalThis.navigator ??= {};
globalThis.WebSocket = require('ws');
globalThis.RTCPeerConnection = PeerConnection;
globalThis.RTCSessionDescription = class {
	constructor(description) {
		Object.assign(this, description);
	}
};

const JsSIP = require('jssip');
const [controlPort, aor, ...servers] = process.argv.slice(2);
const clients = new Set();
const told = [];
let session = null;

function tell(event, more = {}) {
	const line = JSON.stringify({ event, ...more }) + '\n';

	told.push(line);
	console.log(line.trim());
	for (const client of clients)
		client.write(line);
}

const phone = new JsSIP.UA({
	uri: aor,
	sockets: servers.map((url, at) => ({ socket: new JsSIP.WebSocketInterface(url), weight: servers.length - at })),
	register: false,
	register_expires: 600,
	session_timers: false,
	connection_recovery_min_interval: 1,
	connection_recovery_max_interval: 2,
});

phone.on('connected', (data) => tell('connected', { url: data.socket.url }));
phone.on('disconnected', (data) => tell('disconnected', { url: data.socket.url }));
phone.on('registered', () => tell('registered'));
phone.on('registrationFailed', (data) => tell('registration-failed', { cause: data.cause }));
phone.on('newRTCSession', (data) => {
	session = data.session;
	session.on('confirmed', () => tell('established', { call: data.request.call_id }));
	session.on('ended', (ended) => tell('closed', { by: ended.originator }));
	session.on('failed', (failed) => tell('failed', { by: failed.originator, cause: failed.cause }));
	if (data.originator === 'remote')
		session.answer({ mediaConstraints: { audio: false, video: false } });
});

const commands = {
	register: () => phone.register(),
	dial: (target) => phone.call(target, { mediaConstraints: { audio: false, video: false } }),
	hangup: () => session.terminate(),
};

net.createServer((client) => {
	clients.add(client);
	client.on('close', () => clients.delete(client));
	client.on('error', () => {});
	client.write(told.join(''));
	let text = '';
	client.on('data', (octets) => {
		text += octets;
		const lines = text.split('\n');
		text = lines.pop();
		for (const line of lines) {
			const { command, parameter } = JSON.parse(line);
			commands[command](parameter);
		}
	});
}).listen(Number(controlPort), '127.0.0.1', () => phone.start());
