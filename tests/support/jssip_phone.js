// JsSIP under node as a SIP-over-WebSocket phone: events as JSON lines on standard output, commands on standard input.
// There is no browser's media here: the session descriptions are plain RTP, as a gateway behind a WebSocket has it.
'use strict';

const [url, uri, password, port] = process.argv.slice(2);
const SDP =
  'v=0\r\no=js 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n' +
  `m=audio ${port} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n`;

class PlainConnection {
  constructor() {
    this.iceGatheringState = this.connectionState = this.iceConnectionState = 'complete';
    this.signalingState = 'stable';
  }
  addEventListener() {}
  removeEventListener() {}
  addTrack() {}
  getSenders() { return []; }
  createOffer() { return Promise.resolve({ type: 'offer', sdp: SDP }); }
  createAnswer() { return Promise.resolve({ type: 'answer', sdp: SDP }); }
  setLocalDescription(description) { this.localDescription = description; return Promise.resolve(); }
  setRemoteDescription(description) { this.remoteDescription = description; return Promise.resolve(); }
  close() {}
}

const WebSocket = require('ws');
global.window = global;
global.RTCPeerConnection = PlainConnection;
global.RTCSessionDescription = function RTCSessionDescription(description) { return description; };
global.WebSocket = class extends WebSocket {
  constructor(where, protocol) { super(where, protocol, { origin: process.env.ORIGIN }); }
};
const JsSIP = require('jssip');

const tell = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
const stream = { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [], id: 'none' };
const how = { mediaStream: stream, mediaConstraints: { audio: true, video: false } };
const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)], uri, password, register: true, session_timers: false,
  connection_recovery_min_interval: 1, connection_recovery_max_interval: 2,
});
let session = null;

ua.on('connected', () => tell('connected'));
ua.on('disconnected', (data) => tell('disconnected', { code: data && data.code }));
ua.on('registered', (data) => tell('registered', { contact: data.response.getHeader('contact') }));
ua.on('registrationFailed', (data) => tell('registrationFailed', { cause: data.cause }));
ua.on('newRTCSession', (data) => {
  session = data.session;
  tell('session', { direction: session.direction, contact: data.request.getHeader('contact'), via: data.request.getHeader('via') });
  session.on('sdp', (one) => { if (one.originator === 'remote') tell('sdp', { type: one.type, sdp: one.sdp }); });
  for (const name of ['progress', 'accepted', 'confirmed', 'ended', 'failed']) {
    session.on(name, (one) => tell(name, { cause: one && one.cause, originator: one && one.originator }));
  }
  if (session.direction === 'incoming') session.answer(how);
});

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, target] = line.split(' ');
  if (command === 'call') ua.call(target, how);
  else if (command === 'hangup') session.terminate();
  else if (command === 'stop') ua.stop();
}).on('close', () => process.exit(0));
ua.start();
