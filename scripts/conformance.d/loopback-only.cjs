// The suite's origin calls `server.listen(port)`, which listens on every interface of the machine. Preloaded
// before it, this keeps it on the loopback interface.
'use strict'

const net = require('node:net')

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port) {
  return listen.call(this, { port: Number(port), host: '127.0.0.1' })
}
