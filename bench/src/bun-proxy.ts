// Bun's HTTP server and client with nothing between them: `bun bun-proxy.ts PORT UPSTREAM_URL`.
const upstream = process.argv[3] ?? ''

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  idleTimeout: 0,
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url)
    const { method, headers, body } = request
    const response = await fetch(`${upstream}${pathname}${search}`, {
      method,
      headers,
      body,
      decompress: false,
      redirect: 'manual',
    })
    return new Response(response.body, { status: response.status, headers: response.headers })
  },
})
