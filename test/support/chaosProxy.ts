/** A TCP proxy that breaks connections, at bytes that a seed says. What it breaks may be encrypted: it does not look. */
import * as Effect from "effect/Effect"
import * as net from "node:net"
import { tcpServer } from "./server.js"

/** What becomes of a connection after so many bytes from the server. */
export interface Break {
  readonly after: number
  /** `half-open`: nothing passes any more, and nobody hears of it. `stall`: nothing passes for a while. */
  readonly how: "reset" | "end" | "half-open" | "stall"
}

/** `breaks` is asked once for each connection. */
export const make = (target: { readonly host: string; readonly port: number }, breaks: () => Break | undefined) => {
  const armings = new Set<(wanted: Break) => void>()
  const state = { passed: 0 }
  return Effect.map(
    tcpServer((client) => {
      const server = net.connect(target.port, target.host)
      let wanted = breaks()
      let left = wanted?.after ?? Infinity
      let dead = false
      const arm = (next: Break) => {
        wanted = next
        left = next.after
      }
      armings.add(arm)
      server.on("data", (bytes: Buffer) => {
        if (dead) return
        state.passed += bytes.length
        if (bytes.length <= left) {
          left -= bytes.length
          if (!client.write(bytes)) {
            server.pause()
            client.once("drain", () => server.resume())
          }
          return
        }
        client.write(bytes.subarray(0, left))
        const rest = bytes.subarray(left)
        left = Infinity
        switch (wanted?.how) {
          case "reset":
            client.resetAndDestroy()
            server.destroy()
            return
          case "half-open":
            dead = true
            return
          case "stall":
            server.pause()
            setTimeout(() => {
              client.write(rest)
              server.resume()
            }, 300)
            return
          default:
            client.end()
            server.destroy()
        }
      })
      client.on("data", (bytes: Buffer) => {
        if (!dead) server.write(bytes)
      })
      server.on("error", () => client.destroy())
      server.on("close", () => {
        if (!dead) client.end()
      })
      client.on("close", () => {
        armings.delete(arm)
        server.destroy()
      })
    }),
    (loopback) => ({
      ...loopback,
      /** How many bytes have come from the server. */
      passed: () => state.passed,
      /** Breaks every connection that is open after so many more bytes. */
      arm: (wanted: Break) =>
        Effect.sync(() => {
          for (const arm of armings) arm(wanted)
        }),
      /** Breaks every connection that is open. */
      cut: Effect.sync(() => {
        for (const socket of loopback.sockets) socket.resetAndDestroy()
      })
    })
  )
}
