import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai redact` is called. */
export const redact: Command = {
  name: 'redact',
  summary: 'Show what redaction would do to a text or a request body',
  usage: 'redact [--policy ID] [--type MEDIA-TYPE] [--format text|json] < file',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'policy',
      type: 'string',
      description: 'Policy id of pii or of one of its scopes (default: pii.policy_id)',
      default: '',
    },
    {
      name: 'type',
      type: 'string',
      description: 'Content-Type of the input as it would be declared (default: none)',
      default: '',
    },
    {
      name: 'org',
      type: 'string',
      description: 'Organization whose placeholders are shown',
      default: 'default',
    },
    {
      name: 'workspace',
      type: 'string',
      description: 'Workspace whose placeholders are shown',
      default: 'default',
    },
  ],
  run: async (parsed, io) => (await import('../redact.ts')).redact(parsed, io),
}
