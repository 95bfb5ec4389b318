import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answering, LOAD_CPU, UPSTREAM_PORT, workFolder } from './peers.ts'

const JSON_RESPONSE =
  '{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"gpt-5.4-mini-2026-03-17","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help you today? I am a scripted upstream that always answers the same thing, long enough to look like an answer."},"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":30,"total_tokens":51,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":0}},"service_tier":"default"}'

/** Starts an upstream (nginx) that responds to every request with the same JSON, at the cost of a static file. */
export async function startJsonUpstream(): Promise<{ stop(): Promise<void> }> {
  const folder = workFolder('upstream')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 1000; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
 server { listen 127.0.0.1:${UPSTREAM_PORT} backlog=4096; location / { default_type application/json; add_header x-request-id req_bench; return 200 '${JSON_RESPONSE}'; } } }
`,
  )
  const child = Bun.spawn(['taskset', '-c', LOAD_CPU, 'nginx', '-c', join(folder, 'nginx.conf')], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await answering(`http://127.0.0.1:${UPSTREAM_PORT}/`)
  return {
    stop: async () => {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}
