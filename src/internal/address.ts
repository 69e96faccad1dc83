/** Where a URL leads. */

/** The name or address of a host; URLs put IPv6 addresses into brackets. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

/** The port that a URL names, or that of its protocol. */
export const portOf = ({ port, protocol }: { readonly port: string; readonly protocol: string }): number =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)

/** This very machine. */
export const isLoopback = (hostname: string): boolean => /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
