import { shownValue } from '../redaction/shown-value.ts'
import { nearest } from '../wire/nearest.ts'
import type { Section, Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

/** Largest number of listed names. */
const MOST_NAMES = 14

/** Largest number of places to name. */
const MOST_PLACES = 2

/**
 * The message for an unknown name in a section: the nearest name, the place where the name belongs, or all names.
 *
 * @param path of the section
 * @returns the message, and the settings that were probably meant
 */
export function unknownSetting(
  name: string,
  section: Section,
  path: string,
): { readonly message: string; readonly meant: readonly string[] } {
  const names = Object.keys(section.fields)
  const own = nearest(name, names)
  // A name that fits another place is more likely indented wrongly than misspelt.
  const elsewhere = own && alike(own, name) ? [] : placesOf(name)
  const listed = names.slice(0, MOST_NAMES).join(', ') + (names.length > MOST_NAMES ? ', …' : '')
  const [meant, hint] =
    elsewhere.length > 0 && elsewhere.length <= MOST_PLACES
      ? [elsewhere, elsewhere.map(belongs).join(', or ')]
      : own === undefined
        ? [[], `known are ${listed}`]
        : [[path === '' ? own : `${path}.${own}`], `did you mean ${path === '' ? '' : `${path}.`}${own}?`]
  const message = `field ${shownValue(name)} not found ${path === '' ? 'at the top level' : `in ${path}`}; ${hint}`
  return { message, meant }
}

/** Where a setting belongs, and how to write it there. */
function belongs(place: string): string {
  const [, section = '', field = place] = /^(.*)\.([^.]+)$/.exec(place) ?? []
  return section === '' ? 'it belongs at the top level' : `it belongs in ${section}, as "${field}:"`
}

function alike(a: string, b: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/[_-]/g, '')
  return plain(a) === plain(b)
}

/** Paths of the settings of this name, or of this path. */
function placesOf(name: string): string[] {
  const places: string[] = []
  const walk = (setting: Setting, path: string): void => {
    if (setting.kind === 'list') walk(setting.item, `${path}[]`)
    else if (setting.kind === 'map') walk(setting.item, `${path}.<name>`)
    else if (setting.kind === 'section') {
      for (const [field, inner] of Object.entries(setting.fields)) {
        const full = path === '' ? field : `${path}.${field}`
        if (field === name || full === name) places.push(full)
        walk(inner, full)
      }
    }
  }
  walk(SETTINGS, '')
  return places
}
